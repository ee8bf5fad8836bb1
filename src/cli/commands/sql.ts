import { WinnowError } from '../../base/errors.ts';
import { safeJson } from '../../base/terminal-text.ts';
import { csvLine } from '../../report/csv.ts';
import { action, printData } from '../command.ts';
import { wholeNumber } from '../option-numbers.ts';
import type { Register, VerbFacts } from '../program.ts';
import { table } from '../table.ts';
import { widthOf } from '../terminal.ts';

interface Given {
  dataset?: string;
  limit?: string;
  csv?: true;
}

/** Rows that a person reads; `--limit` asks for more. */
const SHOWN = 50;
/** Rows of a table: its columns are as wide as their widest cell, so that all rows are in memory. */
const LARGEST_TABLE = 100_000;

/** @public Read by `scripts/write-registries.mjs`. */
export const verb: VerbFacts = { order: 170, group: 'Look:', summary: 'Query samples and signals with SQL' };

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
            message: '--csv and --json are two forms of one answer.',
            hint: 'Give one of them.',
            exitCode: 2,
          });
        }
        const isTable = given.csv !== true && !context.json;
        const limit =
          given.limit === undefined
            ? isTable
              ? SHOWN
              : undefined
            : wholeNumber('--limit', given.limit, 1, isTable ? LARGEST_TABLE : 1e12);
        const { openProject } = await import('../../store/project.ts');
        const { querySql, streamSql } = await import('../../store/verbs/sql.ts');
        await using project = await openProject(context.project, { note: context.note });
        const options = { dataset: given.dataset, limit, signal: context.signal };
        if (isTable) {
          const result = await querySql(project, statement, options);
          const more = result.more ? `\nThere are more rows than these ${result.rows.length}: see --limit.` : '';
          return { document: result, text: () => `${table(result, widthOf(session.stdout))}${more}`, verbatim: true };
        }
        const { openOutput, toStandardOutput } = await import('../../dataset/records/output.ts');
        if (given.csv === true) {
          let isFirst = true;
          await streamSql(project, statement, options, async ({ columns, rows }) => {
            const lines = (isFirst ? [columns, ...rows] : rows).map((row) => `${csvLine(row)}\r\n`);
            isFirst = false;
            await printData(session.stdout, lines.join(''));
          });
          return { document: null, text: '' };
        }
        // One document or none: it is kept on disk until it is whole.
        const spool = await openOutput('-');
        try {
          let lead = '';
          const { more } = await streamSql(project, statement, options, async ({ columns, rows }) => {
            if (lead === '') await spool.write(`{\n  "columns": ${JSON.stringify(columns)},\n  "rows": [`);
            if (lead === '') lead = '\n    ';
            for (const row of rows) {
              await spool.write(safeJson(`${lead}${JSON.stringify(row)}`));
              lead = ',\n    ';
            }
          });
          await spool.write(`\n  ],\n  "more": ${more}\n}\n`);
          await spool.finish();
          await toStandardOutput(spool.temporary);
        } finally {
          await spool.abort();
        }
        return { document: undefined, text: '' };
      }),
    );
};
