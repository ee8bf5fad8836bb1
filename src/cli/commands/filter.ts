import { WinnowError } from '../../base/errors.ts';
import { plural } from '../../base/phrases.ts';
import { action } from '../command.ts';
import {
  type FileOptions,
  fileOptions,
  outcome,
  outputText,
  requireOneStream,
  withInput,
  withOutput,
} from '../file-options.ts';
import type { Register, VerbFacts } from '../program.ts';

type Given = FileOptions & { out: string; dataset?: string };

/** @public Read by `scripts/write-registries.mjs`. */
export const verb: VerbFacts = { order: 60, group: 'Data:', summary: 'Write the rows that match an SQL condition' };

/** `winnow filter "SQL"`: the rows that a statement asks for, as a new file. */
export const register: Register = (program, session) => {
  const command = program
    .command('filter')
    .description('Write the rows that match an SQL condition to a new file; in a project the condition may use signals')
    .argument('<sql>', 'condition, or a SELECT with a column "row" or "id"')
    .argument('[input]', 'file or folder to read (default: the data set of the project)')
    .requiredOption('-o, --out <path>', 'file or folder to write')
    .option('-d, --dataset <dataset>', 'data set of the project (default: the first)');
  withOutput(withInput(command)).action(
    action(session, async (context, sql: string, input: string | undefined, given: Given) => {
      const { filterFile, filterProject } = await import('../../store/verbs/filter.ts');
      const { openProject } = await import('../../store/project.ts');
      requireOneStream(context, given.out);
      requireFitting(input, given);
      const request = { ...(await fileOptions(context, given, given.out)), sql, out: given.out };
      const run = async () => {
        if (input !== undefined) return filterFile({ ...request, input });
        await using project = await openProject(context.project, { note: context.note });
        return await filterProject(project, { ...request, dataset: given.dataset });
      };
      const result = await run();
      const setAside = result.setAside === 0 ? '' : `, ${result.setAside} of them because they can't be read`;
      return outcome(context, given.out, result, () =>
        [
          outputText(result, context.dryRun),
          `${plural(result.of - result.rows, 'row')} of ${plural(result.of, 'row')} left out${setAside}.`,
        ].join('\n'),
      );
    }),
  );
};

/** An option of the other kind of input would do nothing: it is refused. */
function requireFitting(input: string | undefined, given: Given): void {
  const { from, images, readOption, fetch, dataset } = given;
  const misfit =
    input === undefined
      ? Object.entries({ from, images, 'read-option': readOption, fetch }).find(([, value]) => value !== undefined)?.[0]
      : dataset === undefined
        ? undefined
        : 'dataset';
  if (misfit === undefined) return;
  throw new WinnowError({
    code: 'USAGE',
    message: `--${misfit} belongs to ${input === undefined ? 'a file that is read' : 'the data sets of a project'}.`,
    hint:
      input === undefined
        ? 'Name the file after the condition, or leave the option out.'
        : 'Leave the file out to filter the project, or leave the option out.',
    exitCode: 2,
  });
}
