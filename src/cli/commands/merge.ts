import { Option } from 'commander';
import { plural } from '../../base/phrases.ts';
import type { MergeResult } from '../../dataset/verbs/merge.ts';
import { action } from '../command.ts';
import {
  type FileOptions,
  fileOptions,
  outcome,
  outputText,
  quarantineText,
  requireOneStream,
  withFetch,
  withOutput,
} from '../file-options.ts';
import type { Register, VerbFacts } from '../program.ts';

type Given = Omit<FileOptions, 'images'> & { out: string; images?: string[]; dedupe?: 'none' | 'id' | 'content' };

/** @public Read by `scripts/write-registries.mjs`. */
export const verb: VerbFacts = { order: 40, group: 'Data:', summary: 'Write several data sets as one' };

/** `winnow merge A B --out F`: several data sets as one. */
export const register: Register = (program, session) => {
  const command = program
    .command('merge')
    .description('Write several data sets as one; formats may differ, and ids become unique')
    .argument('<inputs...>', 'files or folders, in the order of their rows in the output')
    .requiredOption('-o, --out <path>', 'file or folder to write')
    .option('--from <format>', 'format of all inputs (default: detected for each)')
    .option(
      '-i, --images <dir>',
      'media root; repeat it to give one per input, in order (default: folder of each file)',
      (dir: string, all: string[] = []) => [...all, dir],
    )
    .addOption(
      new Option(
        '--dedupe <by>',
        'drop repeated rows, by id or by content (turns, columns and media) (default: none)',
      ).choices(['none', 'id', 'content']),
    );
  withOutput(withFetch(command)).action(
    action(session, async (context, inputs: string[], given: Given) => {
      const { mergeDatasets } = await import('../../dataset/verbs/merge.ts');
      const { out, images, dedupe, ...files } = given;
      requireOneStream(context, out);
      const result = await mergeDatasets({ ...(await fileOptions(context, files, out)), images, inputs, out, dedupe });
      return outcome(context, out, result, () => mergeText(result, context.dryRun));
    }),
  );
};

function mergeText(result: MergeResult, dryRun: boolean): string {
  const { inputs, duplicates, renamed } = result;
  const examples = renamed.first.slice(0, 3).map(({ from, to }) => `${from} -> ${to}`);
  return [
    ...inputs.map(({ path, format, rows, written }) => `${path}: ${format}, ${written} of ${plural(rows, 'row')}`),
    ...(duplicates === 0 ? [] : [`${plural(duplicates, 'repeated row')} dropped`]),
    ...(renamed.count === 0
      ? []
      : [`${plural(renamed.count, 'id')} made unique: ${examples.join(', ')}${renamed.count > 3 ? ', ...' : ''}`]),
    outputText(result, dryRun),
    ...inputs.flatMap(({ quarantined }) => quarantineText(quarantined)),
  ].join('\n');
}
