import { commandLine, optionFlags } from '../../base/cli-flags.ts';
import { bytes, plural } from '../../base/phrases.ts';
import { describeChanges } from '../../dataset/index/changes.ts';
import { compositionLines } from '../../report/selection-text.ts';
import type { CompositionRecord } from '../../select/compose/record.ts';
import type { DatasetStatus, ProjectStatus, SelectionStatus } from '../../store/verbs/status.ts';
import { action } from '../command.ts';
import { completeCommands } from '../complete-commands.ts';
import type { Register, VerbFacts } from '../program.ts';
import { widthOf } from '../terminal.ts';

/** @public Read by `scripts/write-registries.mjs`. */
export const verb: VerbFacts = {
  order: 150,
  group: 'Look:',
  summary: 'Show project contents, or what works on this machine',
};

/** `winnow status`: what a project holds, what is missing, and the commands that make it. */
export const register: Register = (program, session) => {
  program
    .command('status')
    .description('Show project contents and disk use, and list missing results with the commands that make them')
    .option('--system', 'show instead what works on this machine, with the command for what does not')
    .action(
      action(session, async (context, given: { system?: true }) => {
        if (given.system === true) {
          const { systemStatus } = await import('../../report/system/collect.ts');
          const { systemText } = await import('../../report/system/text.ts');
          const system = await systemStatus(context.project);
          return { document: system, text: () => systemText(system, widthOf(session.stdout)) };
        }
        const { openProject } = await import('../../store/project.ts');
        const { projectStatus } = await import('../../store/verbs/status.ts');
        await using project = await openProject(context.project);
        const status = await projectStatus(project);
        const missing = missingCommands(status).map(({ what, command }) => ({
          what,
          command: completeCommands(command, { project: context.place.project }),
        }));
        return { document: { ...status, missing }, text: () => statusText(status, missing) };
      }),
    );
};

interface Missing {
  what: string;
  command: string;
}

/** What a person would do next: each lack with the command that mends it. */
function missingCommands({ datasets, selections, runs }: ProjectStatus): Missing[] {
  const first = datasets[0];
  if (first === undefined) return [{ what: 'no data set yet', command: 'winnow import FILE' }];
  const named = ({ name }: { name: string }): string => (name === first.name ? '' : optionFlags({ dataset: name }));
  const unfinished = runs
    .filter(({ finished }) => !finished)
    .map(({ name }) => ({
      what: `the training run ${name} is not finished`,
      command: `${commandLine(['train'], { name })}, with the options that it was begun with`,
    }));
  const lacks = datasets.flatMap((dataset) => [
    ...(dataset.signals.length === 0
      ? [{ what: `${dataset.name} is not scored yet`, command: `winnow score loss${named(dataset)}` }]
      : []),
    ...dataset.signals
      .filter(({ rowsDone, rows }) => rowsDone < rows)
      .map((signal) => ({
        what: `${signal.signal} lacks ${plural(signal.rows - signal.rowsDone, 'row')} of ${dataset.name}`,
        command: `${signal.command}${named(dataset)}`,
      })),
    ...(dataset.signals.length > 0 && !selections.some((one) => one.dataset === dataset.name)
      ? [
          {
            what: `nothing is selected from ${dataset.name}`,
            command: `winnow select visnec --budget 15%${named(dataset)}`,
          },
        ]
      : []),
  ]);
  return [...lacks, ...unfinished];
}

function statusText(status: ProjectStatus, missing: readonly Missing[]): string {
  const { folder, datasets, unreadable, selections, sizes, lineage } = status;
  const last = lineage.at(-1);
  return [
    `Project ${folder}`,
    ...datasets.flatMap(datasetLines),
    ...unreadable.map(({ name, path, error }) => `  ${name}: can't be opened: ${error.message} (${path})`),
    ...selections.flatMap(selectionLines),
    ...status.runs.map(runLine),
    `  on disk: ${bytes(sizes.total)} (signals ${bytes(sizes.signals)}, selections ${bytes(sizes.selections)}, indexes ${bytes(sizes.indexes)}, fetched media ${bytes(sizes.media)}, training runs ${bytes(sizes.runs)})`,
    ...(last === undefined
      ? []
      : [`  last: ${last.kind} ${last.name}, ${last.time.slice(0, 16).replace('T', ' ')} UTC`]),
    ...(missing.length === 0 ? [] : ['Missing:', ...missing.map(({ what, command }) => `  ${what}: ${command}`)]),
  ].join('\n');
}

function runLine({
  name,
  recipe,
  model,
  dataset,
  steps,
  checkpoints,
  finished,
}: ProjectStatus['runs'][number]): string {
  const far = finished
    ? `${plural(checkpoints.length, 'checkpoint')}`
    : `stopped after checkpoint ${checkpoints.length}`;
  return `  training run ${name}: ${recipe}, ${model} on ${dataset}, ${plural(steps, 'step')}, ${far}`;
}

function datasetLines({
  name,
  rows,
  format,
  quarantined,
  changed,
  changes,
  signals: measured,
}: DatasetStatus): string[] {
  const again = measured.reduce((n, signal) => Math.max(n, signal.rows - signal.rowsDone), 0);
  return [
    `  ${name}: ${plural(rows, 'row')}, ${format}${quarantined === 0 ? '' : `, ${quarantined} set aside`}`,
    ...(changed
      ? [
          `    changed since its import${changes === undefined ? '' : ` (${describeChanges(changes)})`}${again === 0 ? '' : `: up to ${plural(again, 'row')} without numbers (equal rows keep theirs: "winnow score" takes them over)`}; selections made before are of the old rows`,
        ]
      : []),
    ...measured.map(
      ({ signal, model, rowsDone, rows: all, columns, imported }) =>
        `    ${signal} (${imported ? 'imported' : (model ?? 'no model')}): ${rowsDone === all ? 'complete' : `${rowsDone} of ${all} rows`}; ${columns.join(', ')}`,
    ),
  ];
}

function selectionLines(selection: SelectionStatus): string[] {
  const { name, dataset, method, requested, returned, current, gone, composition } = selection;
  const lost = gone === 0 ? '' : `, and ${plural(gone, 'kept row')} ${gone === 1 ? 'is' : 'are'} gone`;
  const stale = current ? '' : ` (the data set has changed since${lost})`;
  return [
    `  selection ${name}: ${returned} of ${requested} asked for, by ${method} from ${dataset}${stale}`,
    ...(composition === undefined
      ? []
      : compositionLines(composition as CompositionRecord).map((line) => `    ${line}`)),
  ];
}
