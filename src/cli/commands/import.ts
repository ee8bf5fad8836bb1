import { relative } from 'node:path';
import { action, withDryRun } from '../command.ts';
import type { Register } from '../program.ts';

/** `winnow import PATH`: take a data set into the project (made where there is none). */
export const register: Register = (program, session) => {
  const command = program
    .command('import')
    .description('take a data set into the project: detect its format, index it, say what cannot be read')
    .argument('<path>', 'file or folder of the data set')
    .option(
      '-i, --images <dir>',
      'media root: the folder that image paths start from (default: the folder of the file)',
    )
    .option('-f, --format <name>', 'format, instead of detecting it')
    .option('-n, --name <name>', 'name in the project (default: the file name)')
    .option('--option <key=value...>', 'an option of the format; dataset=NAME picks an entry of a dataset_info.json');
  withDryRun(command).action(
    action(
      session,
      async (context, path: string, given: { images?: string; format?: string; name?: string; option?: string[] }) => {
        const { openProject } = await import('../../store/project.ts');
        const { openDataset } = await import('../../dataset/open.ts');
        const { optionPairs } = await import('../option-pairs.ts');
        const options = optionPairs(given.option);
        const how = {
          signal: context.signal,
          progress: (_rows: number, bytes: number, total: number) =>
            context.progress.update(bytes, total, 'indexing (bytes)'),
        };
        const entry = {
          path,
          ...(given.images === undefined ? {} : { images: given.images }),
          ...(given.format === undefined ? {} : { format: given.format }),
          ...(given.name === undefined ? {} : { name: given.name }),
          ...(options === undefined ? {} : { options }),
        };
        const project = context.dryRun ? undefined : await openProject(context.project, { create: true });
        const dataset =
          project === undefined ? await openDataset(path, { ...entry, ...how }) : await project.addDataset(entry, how);
        try {
          const textOnly = dataset.rowFlags.reduce((n, flags) => n + ((flags >> 1) & 1), 0);
          const sources = new Map<string, number>();
          for (let row = 0; row < dataset.rows; row++) {
            const source = dataset.sourceOf(row) ?? 'unknown';
            sources.set(source, (sources.get(source) ?? 0) + 1);
          }
          const document = {
            name: dataset.name,
            path: dataset.path,
            format: dataset.format,
            detected: dataset.detected,
            mediaRoot: dataset.mediaRoot,
            rows: dataset.rows,
            textOnly,
            hash: dataset.hash,
            sources: Object.fromEntries([...sources].sort((a, b) => b[1] - a[1])),
            quarantined: dataset.quarantined,
            saved: project !== undefined,
          };
          const bad = dataset.quarantined;
          return {
            document,
            text: [
              `${dataset.name}: ${dataset.rows} rows, ${dataset.format} (${dataset.detected})`,
              `  media under ${relative(process.cwd(), dataset.mediaRoot) || '.'}; ${textOnly} rows without an image`,
              ...(sources.size > 1
                ? [
                    `  sources: ${[...sources]
                      .sort((a, b) => b[1] - a[1])
                      .slice(0, 8)
                      .map(([name, n]) => `${name} ${n}`)
                      .join(', ')}${sources.size > 8 ? ', ...' : ''}`,
                  ]
                : []),
              ...(bad.length === 0
                ? []
                : [
                    `  ${bad.length} rows can't be used and are set aside:`,
                    ...bad.slice(0, 5).map((q) => `    row ${q.row} (${q.id}): ${q.reason}`),
                    ...(bad.length > 5 ? [`    and ${bad.length - 5} more (--json lists all)`] : []),
                  ]),
              context.dryRun ? 'Dry run: nothing was saved.' : 'Next: winnow score loss',
            ].join('\n'),
          };
        } finally {
          if (project === undefined) await dataset.close();
          else await project.close();
        }
      },
    ),
  );
};
