import { action } from '../command.ts';
import {
  type FileOptions,
  fileOptions,
  outcome,
  outputText,
  quarantineText,
  requireOneStream,
  withInput,
  withOutput,
} from '../file-options.ts';
import type { Register, VerbFacts } from '../program.ts';

/** @public Read by `scripts/write-registries.mjs`. */
export const verb: VerbFacts = { order: 30, group: 'Data:', summary: 'Write a data set in another format' };

/** `winnow convert A B`: another format, without a project. */
export const register: Register = (program, session) => {
  const command = program
    .command('convert')
    .description('Write a data set in another format; no project needed')
    .argument('<input>', 'file or folder to read; - for standard input')
    .argument(
      '<output>',
      'file or folder to write; its extension gives the format unless --to does; - for standard output',
    );
  withOutput(withInput(command)).action(
    action(session, async (context, input: string, output: string, given: FileOptions) => {
      requireOneStream(context, output);
      const { convertDataset } = await import('../../dataset/verbs/convert.ts');
      const result = await convertDataset({ ...(await fileOptions(context, given, output)), input, output });
      return outcome(context, output, result, () =>
        [
          `Read ${result.input} (${result.detected}).`,
          outputText(result, context.dryRun),
          ...quarantineText(result.quarantined),
        ].join('\n'),
      );
    }),
  );
};
