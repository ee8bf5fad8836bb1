import { readFile } from 'node:fs/promises';
import { cpus, platform, release, totalmem } from 'node:os';
import { optionFlags, shellWord } from '../../../base/cli-flags.ts';
import type { Dataset } from '../../../dataset/dataset.ts';
import type { CompositionRecord } from '../../../select/compose/record.ts';
import type { Project } from '../../../store/project.ts';
import { listRuns } from '../../../store/runs.ts';
import type { LoadedSelection } from '../../../store/selections.ts';
import { type StoredSignal, storedSignals } from '../../../store/signals.ts';
import type { ReportInput } from '../../data.ts';

type Run = NonNullable<ReportInput['run']>;

/** The command that makes a selection again. */
function selectCommand({ name, method, options, seed, requested, lineage }: LoadedSelection): string {
  const budget = typeof lineage.budget === 'string' ? lineage.budget : String(requested);
  const composition = lineage.composition as CompositionRecord | undefined;
  const stages: Pick<CompositionRecord['stages'][number], 'method' | 'options' | 'budget' | 'pass' | 'reference'>[] =
    composition?.stages ?? [{ method, options, budget }];
  const words = stages.map(
    (stage) =>
      `${stage.method}${optionFlags({ budget: stage.budget, pass: stage.pass, reference: stage.reference })}${optionFlags(stage.options)}`,
  );
  // An option that may be repeated stands once for each of its values.
  const asked = Object.entries(composition?.asked ?? {}).map(([option, value]) =>
    [value]
      .flat()
      .map((one) => optionFlags({ [option]: one }))
      .join(''),
  );
  return `winnow select ${words.join(' then ')} --seed ${seed} --name ${shellWord(name)}${asked.join('')}`;
}

/** Steps, models, machine, commands and hashes of what a page shows, from the lineage. */
export async function describeRun(project: Project, dataset: Dataset, main: LoadedSelection | undefined): Promise<Run> {
  const stored = [...(await storedSignals(project, dataset))].reverse();
  const entry = project.config().datasets.find((item) => item.name === dataset.name);
  return {
    steps: stepsOf(stored, dataset),
    models: stored.map(({ entry: made, isImported }) => ({
      role: made.signal,
      name: isImported ? 'imported' : String(made.about.model ?? 'no model'),
      revision: made.revision.slice(0, 16),
    })),
    machine: {
      processor: `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores`,
      memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
      system: `${platform()} ${release()}`,
    },
    versions: await versions(),
    peakMemoryMb: Math.max(0, ...stored.map(({ entry: made }) => Number(made.about.peakMemoryMb ?? 0))),
    commands: [
      {
        title: 'Import',
        command: `winnow import ${shellWord(entry?.path ?? dataset.path)}${optionFlags({ images: entry?.images, format: entry?.format })}`,
      },
      ...(await trainCommands(project, dataset)),
      ...stored.map(({ entry: made, command, isImported }) => ({
        title: `${isImported ? 'Import' : 'Score'}: ${made.signal}`,
        command,
      })),
      ...(main === undefined ? [] : [{ title: 'Select', command: selectCommand(main) }]),
      { title: 'Report', command: `winnow report${main === undefined ? '' : ` ${shellWord(main.name)}`}` },
    ],
    lineage: [
      { what: `data set ${dataset.name}`, hash: dataset.hash },
      ...stored.map(({ entry: made }) => ({ what: `model of ${made.signal}`, hash: made.revision })),
    ],
  };
}

/** What the clock said of each pass. Signals that were measured in one have its time each: it is counted once. */
function stepsOf(stored: readonly StoredSignal[], dataset: Dataset): Run['steps'] {
  const passes = new Map<unknown, StoredSignal[]>();
  for (const signal of stored) {
    if (signal.isImported) continue;
    const { began, seconds } = signal.entry.about;
    // Measurements of an earlier Winnow don't say when they began; equal seconds to the last digit are those of one
    // pass.
    const key = began ?? (typeof seconds === 'number' && seconds > 0 ? seconds : signal);
    passes.set(key, [...(passes.get(key) ?? []), signal]);
  }
  return [...passes.values()].map((shared) => ({
    name: `score ${shared.map(({ entry }) => entry.signal).join(', ')}`,
    seconds: Number(shared[0]!.entry.about.seconds ?? 0),
    samples: Math.max(...shared.map(({ entry }) => Number(entry.about.rowsComputed ?? dataset.rows))),
  }));
}

/** The commands of the runs on this data set whose checkpoints something may have been measured on. */
async function trainCommands(project: Project, dataset: Dataset): Promise<{ title: string; command: string }[]> {
  const runs = (await listRuns(project)).filter(({ head }) => head.dataset.name === dataset.name);
  return runs.map(({ head: { name, recipe, options } }) => ({
    title: `Train: ${name}`,
    // A run that "winnow score loss --fit" made on the way is made again by that.
    command:
      typeof options.fitCommand === 'string'
        ? options.fitCommand
        : `winnow train${optionFlags({ recipe, dataset: dataset.name, name, ...options })}`,
  }));
}

async function versions(): Promise<Record<string, string>> {
  const own = JSON.parse(await readFile(new URL('../../../../package.json', import.meta.url), 'utf8')) as {
    version: string;
    dependencies: Record<string, string>;
  };
  return {
    winnow: own.version,
    node: process.versions.node,
    'onnxruntime-node': own.dependencies['onnxruntime-node'] ?? '',
    duckdb: own.dependencies['@duckdb/node-api'] ?? '',
  };
}
