import { relative } from 'node:path';
import { action } from '../command.ts';
import type { Register, VerbFacts } from '../program.ts';
import { drawingWidthOf, hasColour } from '../terminal.ts';

/** @public Read by `scripts/write-registries.mjs`. */
export const verb: VerbFacts = { order: 140, group: 'Look:', summary: 'Write an HTML page about a selection' };

/** `winnow report`: one self-contained page about a selection, and the same numbers in the terminal. */
export const register: Register = (program, session) => {
  program
    .command('report')
    .description('Write a self-contained HTML page about a selection and print its numbers')
    .argument('[selection]', 'selection to report on (default: the newest)')
    .option('-o, --out <file>', 'file to write (default: report.html in the project)')
    .option('--force', 'replace a file that this project did not write; sources of data sets always stay')
    .option('--compare <selections...>', 'selections to compare with (default: all others of the data set)')
    .option('--truth <file>', 'JSON with the ground truth about planted faults')
    .option('--title <text>', 'title of the page (default: name of the data set)')
    .action(
      action(
        session,
        async (
          context,
          selection: string | undefined,
          given: { out?: string; force?: true; compare?: string[]; truth?: string; title?: string },
        ) => {
          const { openProject } = await import('../../store/project.ts');
          const { writeReport } = await import('../../report/write.ts');
          const { summaryText } = await import('../../report/terminal.ts');
          const { summarise } = await import('../../report/summary.ts');
          await using project = await openProject(context.project, { note: context.note });
          const result = await writeReport(project, {
            selection,
            ...given,
            progress: (done, total, what) => context.progress.update(done, total, what),
          });
          return {
            document: { file: result.file, sizeBytes: result.sizeBytes, summary: summarise(result.data) },
            text: () =>
              `${summaryText(result.data, { colour: hasColour(session.stdout), width: drawingWidthOf(session.stdout) })}\n\nReport: ${relative(process.cwd(), result.file) || result.file} (${Math.ceil(result.sizeBytes / 1000)} kB)`,
          };
        },
      ),
    );
};
