import { type Command, Option } from 'commander';
import { commandLine } from '../../base/cli-flags.ts';
import { plural } from '../../base/phrases.ts';
import type { ListedSignal } from '../../signals/engine/list-signals.ts';
import type { SignalImportResult } from '../../signals/io/import/import-signal.ts';
import { action, type Session, withDryRun } from '../command.ts';
import type { Register, VerbFacts } from '../program.ts';
import { plain } from '../table.ts';

const DATASET = ['-d, --dataset <dataset>', 'data set of the project (default: the first)'] as const;

/** @public Read by `scripts/write-registries.mjs`. */
export const verb: VerbFacts = { order: 80, group: 'Measure:', summary: 'List, import and export signals' };

/** `winnow signals`: what has been measured, values in from elsewhere, values out. */
export const register: Register = (program, session) => {
  const signals = program.command('signals').description('List, import and export signals');
  addList(signals, session);
  addImport(signals, session);
  addExport(signals, session);
};

function addList(signals: Command, session: Session): void {
  signals
    .command('list')
    .description('List the signals of a data set with their columns, rows and origin')
    .option(...DATASET)
    .action(
      action(session, async (context, given: { dataset?: string }) => {
        const { openProject } = await import('../../store/project.ts');
        const { listSignals } = await import('../../signals/engine/list-signals.ts');
        await using project = await openProject(context.project, { note: context.note });
        const listed = await listSignals(project, given);
        return {
          document: listed,
          text: () =>
            listed.signals.length === 0
              ? `Nothing has been measured for ${listed.dataset} yet: winnow score loss`
              : listed.signals.map(signalText).join('\n'),
        };
      }),
    );
}

function signalText({ signal, columns, rowsDone, rows, model, revision, imported, measured }: ListedSignal): string {
  const by =
    imported === null
      ? `${model ?? 'no model'}${model === null ? '' : ` ${revision.slice(0, 12)}`}`
      : `imported from ${imported.file}${imported.note === null ? '' : `, "${plain(imported.note)}"`}`;
  const done = rowsDone === rows ? plural(rows, 'row') : `${rowsDone} of ${plural(rows, 'row')}`;
  const widest = Math.max(...columns.map(({ name }) => name.length));
  return [
    `${signal}: ${done}; ${by}; ${measured.slice(0, 16).replace('T', ' ')} UTC`,
    ...columns.map(({ name, dtype, width, measures }) =>
      `  ${name.padEnd(widest)}  ${dtype}${width === 1 ? '' : ` x ${width}`}${measures === null || imported !== null ? '' : `  ${measures}`}`.trimEnd(),
    ),
  ].join('\n');
}

interface ImportGiven {
  as: string;
  idColumn?: string;
  columns?: string;
  missing?: 'error' | 'nan';
  unknown?: 'error' | 'ignore';
  duplicates?: 'error' | 'first';
  dtype?: 'f16' | 'f32';
  note?: string;
  dataset?: string;
}

function addImport(signals: Command, session: Session): void {
  const command = signals
    .command('import')
    .description('Import values that were measured elsewhere; ids are checked against the data set')
    .argument('<file>', '.parquet, .jsonl or .csv with a column of ids; .npy in the order of the rows')
    .requiredOption('--as <name>', 'name of the signal, and of its column if the file has only one')
    .option('--id-column <name>', 'column with the ids of the samples (default: id)')
    .option('--columns <list>', 'columns to take (default: all)')
    .addOption(new Option('--missing <what>', 'rows without a value (default: error)').choices(['error', 'nan']))
    .addOption(
      new Option('--unknown <what>', 'ids that are not in the data set (default: error)').choices(['error', 'ignore']),
    )
    .addOption(new Option('--duplicates <what>', 'repeated ids (default: error)').choices(['error', 'first']))
    .addOption(
      new Option('--dtype <type>', 'how vectors are stored (default: f16 for float16 arrays, else f32)').choices([
        'f16',
        'f32',
      ]),
    )
    .option('--note <text>', 'remark for readers, e.g. "labels from the generator"; shown wherever the signal is used')
    .option(...DATASET);
  withDryRun(command).action(
    action(session, async (context, file: string, given: ImportGiven) => {
      const { openProject } = await import('../../store/project.ts');
      const { importSignal } = await import('../../signals/io/import/import-signal.ts');
      await using project = await openProject(context.project, { note: context.note });
      const { columns, ...rest } = given;
      const result = await importSignal(project, {
        ...rest,
        file,
        columns: columns?.split(',').map((column) => column.trim()),
        dryRun: context.dryRun,
        signal: context.signal,
        progress: (done, total, what) => context.progress.update(done, total, what),
      });
      return { document: result, text: () => importText(result) };
    }),
  );
}

function importText(result: SignalImportResult): string {
  const { signal, dataset, columns, measured, missing, empty, unknown, duplicates, replaced, saved } = result;
  const scalar = columns.find(({ kind, width }) => width === 1 && (kind === 'f32' || kind === 'i32'));
  const names = columns.map(({ name, kind, width }) => `${name} (${kind}${width === 1 ? '' : ` x ${width}`})`);
  return [
    `${saved ? 'Imported' : 'Would import'} ${signal} for ${plural(measured, 'row')} of ${dataset}: ${names.join(', ')}.`,
    ...(missing === 0 ? [] : [`${plural(missing, 'row')} without a value: NaN.`]),
    ...Object.entries(empty).flatMap(([name, rows]) =>
      rows <= missing ? [] : [`${plural(rows, 'row')} of ${name} have no finite value.`],
    ),
    ...(unknown === 0 ? [] : [`${plural(unknown, 'id')} that ${dataset} does not have: passed over.`]),
    ...(duplicates === 0 ? [] : [`${plural(duplicates, 'id')} more than once: the first counts.`]),
    ...(replaced ? [`It replaces an earlier import of that name.`] : []),
    ...(saved
      ? scalar === undefined
        ? []
        : [`Next: ${commandLine(['select', 'top'], { column: scalar.name, budget: '15%' })}`]
      : ['Nothing was stored.']),
  ].join('\n');
}

function addExport(signals: Command, session: Session): void {
  signals
    .command('export')
    .description('Export columns with the ids of their samples to one file')
    .argument('[signals...]', 'columns, or signals with all their columns (default: everything)')
    .requiredOption('--to <file>', 'file to write: .parquet, .jsonl, .csv, or .npy for one column')
    .option('--force', 'replace an existing file')
    .option(...DATASET)
    .action(
      action(session, async (context, names: string[], given: { to: string; force?: true; dataset?: string }) => {
        const { openProject } = await import('../../store/project.ts');
        const { exportSignals } = await import('../../signals/io/export/export-signals.ts');
        await using project = await openProject(context.project, { note: context.note });
        const result = await exportSignals(project, {
          names,
          ...given,
          signal: context.signal,
          progress: (done, total, what) => context.progress.update(done, total, what),
        });
        return {
          document: result,
          text: `Wrote ${plural(result.columns.length, 'column')} of ${plural(result.rows, 'row')} to ${result.file}.`,
        };
      }),
    );
}
