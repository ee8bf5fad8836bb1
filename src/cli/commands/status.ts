import { action } from '../command.ts';
import type { Register } from '../program.ts';

/** `winnow status`: what a project holds, and what is missing. */
export const register: Register = (program, session) => {
  program
    .command('status')
    .description('say what the project holds: data sets, signals, selections')
    .action(
      action(session, async (context) => {
        const { openProject } = await import('../../store/project.ts');
        const { storedSignals } = await import('../../store/signals.ts');
        const { listSelections, readSelectionHead } = await import('../../store/selections.ts');
        await using project = await openProject(context.project);
        const datasets = await Promise.all(
          project.config().datasets.map(async (entry) => {
            const dataset = await project.dataset(entry.name);
            const signals = (await storedSignals(project, dataset)).map(({ entry: made, shards }) => ({
              signal: made.signal,
              model: made.about.model ?? null,
              revision: made.revision,
              columns: made.columns.map((column) => column.name),
              rowsDone: shards.reduce((sum, shard) => sum + (shard.done ? shard.end - shard.start : 0), 0),
              rows: dataset.rows,
            }));
            const { name, path, format, rows, hash, quarantined } = dataset;
            return { name, path, format, rows, quarantined: quarantined.length, hash, signals };
          }),
        );
        const selections = await Promise.all(
          (await listSelections(project)).map(async (name) => {
            const { dataset, method, requested, returned, seed } = await readSelectionHead(project, name);
            const now = datasets.find((one) => one.name === dataset.name);
            return {
              name,
              dataset: dataset.name,
              method,
              requested,
              returned,
              seed,
              current: now?.hash === dataset.hash,
            };
          }),
        );
        return {
          document: { folder: project.folder, datasets, selections },
          text: [
            `Project ${project.folder}`,
            ...(datasets.length === 0 ? ['  no data set yet: winnow import FILE'] : []),
            ...datasets.flatMap((one) => [
              `  ${one.name}: ${one.rows} rows, ${one.format}${one.quarantined === 0 ? '' : `, ${one.quarantined} set aside`}`,
              ...one.signals.map(
                (signal) =>
                  `    ${signal.signal} (${signal.model}): ${signal.rowsDone === signal.rows ? 'complete' : `${signal.rowsDone} of ${signal.rows} rows`}; ${signal.columns.join(', ')}`,
              ),
              ...(one.signals.length === 0 ? ['    nothing scored yet: winnow score loss'] : []),
            ]),
            ...selections.map(
              (one) =>
                `  selection ${one.name}: ${one.returned} of ${one.requested} asked for, from ${one.dataset}${one.current ? '' : ' (the data set has changed since)'}`,
            ),
          ].join('\n'),
        };
      }),
    );
};
