import { WinnowError } from '../../base/errors.ts';
import { plural } from '../../base/phrases.ts';
import type { SplitResult } from '../../dataset/verbs/split.ts';
import { action } from '../command.ts';
import { type FileOptions, fileOptions, quarantineText, withInput, withOutput } from '../file-options.ts';
import { wholeNumber } from '../option-numbers.ts';
import type { Register, VerbFacts } from '../program.ts';

type Given = FileOptions & { parts: string; out: string; stratify?: string; seed?: string };

/** @public Read by `scripts/write-registries.mjs`. */
export const verb: VerbFacts = {
  order: 50,
  group: 'Data:',
  summary: 'Split a data set into parts that share no image',
};

/** `winnow split A --parts train=0.9,test=0.1`: parts that share no image. */
export const register: Register = (program, session) => {
  const command = program
    .command('split')
    .description('Split a data set into parts that share no image')
    .argument('<input>', 'file or folder to read')
    .requiredOption('-p, --parts <shares>', 'names and shares, which sum to 1, e.g. train=0.9,test=0.1')
    .requiredOption('-o, --out <dir>', 'output folder; one file per part')
    .option('--stratify <column>', 'keep the proportions of source, category or another column (default: source)')
    .option('--seed <n>', 'random seed (default: 42)');
  withOutput(withInput(command)).action(
    action(session, async (context, input: string, given: Given) => {
      const { splitDataset } = await import('../../dataset/verbs/split.ts');
      const seed = given.seed === undefined ? undefined : wholeNumber('--seed', given.seed, 0, 0xffffffff);
      const { out, stratify } = given;
      const parts = readParts(given.parts);
      const result = await splitDataset({
        ...(await fileOptions(context, given, out)),
        input,
        out,
        parts,
        stratify,
        seed,
      });
      return { document: result, text: () => splitText(result, context.dryRun) };
    }),
  );
};

/** `train=0.9,test=10%` as numbers. */
function readParts(text: string): Record<string, number> {
  const parts: Record<string, number> = {};
  for (const piece of text.split(',')) {
    const match = /^\s*([^=\s]+)\s*=\s*(\d*\.?\d+)\s*(%?)\s*$/.exec(piece);
    const name = match?.[1] ?? '';
    if (match === null || name in parts) {
      throw new WinnowError({
        code: 'PARTS_INVALID',
        message: match === null ? `"${piece}" is not a part.` : `The part "${name}" stands there twice.`,
        hint: 'Write parts as train=0.9,test=0.1.',
        exitCode: 2,
      });
    }
    parts[name] = Number(match[2]) / (match[3] === '%' ? 100 : 1);
  }
  return parts;
}

function splitText(result: SplitResult, dryRun: boolean): string {
  const { rows, groups, largest, parts, stratify } = result;
  return [
    `${plural(rows, 'row')} in ${plural(groups, 'group')} that share no image; the largest has ${plural(largest, 'row')}.`,
    ...parts.map(({ name, rows: got, wanted, strata, out }) => {
      const shown = Object.entries(strata).sort((a, b) => b[1] - a[1]);
      const by = shown.slice(0, 4).map(([stratum, n]) => `${stratum} ${n}`);
      const off = got === wanted ? '' : ` (the share is ${wanted})`;
      return `  ${name}: ${plural(got, 'row')}${off}; by ${stratify}: ${by.join(', ')}${shown.length > 4 ? ', ...' : ''}\n    ${dryRun ? 'would be ' : ''}${out}`;
    }),
    ...quarantineText(result.quarantined),
  ].join('\n');
}
