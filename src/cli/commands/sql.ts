import { WinnowError } from '../../base/errors.ts';
import { csv } from '../../report/csv.ts';
import { action } from '../command.ts';
import { wholeNumber } from '../option-numbers.ts';
import type { Register } from '../program.ts';
import { table } from '../table.ts';
import { widthOf } from '../terminal.ts';

interface Given {
  dataset?: string;
  limit?: string;
  csv?: true;
}

/** Rows that a person reads; `--limit` asks for more. */
const SHOWN = 50;

/** `winnow sql "SELECT ..."`: one reading statement over samples and signals. */
export const register: Register = (program, session) => {
  program
    .command('sql')
    .description('Query the samples and signals of the project with one read-only SQL statement')
    .argument('<statement>', 'e.g. "SELECT source, count(*) FROM samples GROUP BY source"; "SHOW TABLES" lists tables')
    .option('-d, --dataset <dataset>', 'data set of the project (default: the first)')
    .option('--limit <n>', `maximum number of rows (default: ${SHOWN}; all with --json and --csv)`)
    .option('--csv', 'print comma-separated values')
    .action(
      action(session, async (context, statement: string, given: Given) => {
        if (given.csv && context.json) {
          throw new WinnowError({
            code: 'USAGE',
            message: '--csv and --json are two forms of one answer',
            hint: 'Give one of them.',
            exitCode: 2,
          });
        }
        const all = given.csv === true || context.json ? undefined : SHOWN;
        const limit = given.limit === undefined ? all : wholeNumber('--limit', given.limit, 1, 1e9);
        const { openProject } = await import('../../store/project.ts');
        const { querySql } = await import('../../store/verbs/sql.ts');
        await using project = await openProject(context.project, { note: context.note });
        const result = await querySql(project, statement, { dataset: given.dataset, limit, signal: context.signal });
        const more = result.more ? `\nThere are more rows than these ${result.rows.length}: see --limit.` : '';
        return {
          document: result,
          text: () =>
            given.csv ? csv(result.columns, result.rows) : `${table(result, widthOf(session.stdout))}${more}`,
          verbatim: true,
        };
      }),
    );
};
