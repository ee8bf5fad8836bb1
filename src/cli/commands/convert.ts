import { action } from '../command.ts';
import { type FileOptions, fileOptions, outputText, quarantineText, withInput, withOutput } from '../file-options.ts';
import type { Register } from '../program.ts';

/** `winnow convert A B`: another format, without a project. */
export const register: Register = (program, session) => {
  const command = program
    .command('convert')
    .description('write a data set in another format; needs no project')
    .argument('<input>', 'file or folder to read')
    .argument('<output>', 'file or folder to write; its extension says the format where --to does not');
  withOutput(withInput(command)).action(
    action(session, async (context, input: string, output: string, given: FileOptions) => {
      const { convertDataset } = await import('../../dataset/convert.ts');
      const result = await convertDataset({ ...fileOptions(context, given), input, output });
      return {
        document: result,
        text: () =>
          [
            `Read ${result.input} (${result.detected}).`,
            outputText(result, context.dryRun),
            ...quarantineText(result.quarantined),
          ].join('\n'),
      };
    }),
  );
};
