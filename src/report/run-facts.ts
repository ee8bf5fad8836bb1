import { readFile } from 'node:fs/promises';
import { cpus, platform, release, totalmem } from 'node:os';
import type { Dataset } from '../dataset/dataset.ts';
import type { CompositionRecord } from '../select/composition-record.ts';
import type { SignalEntry } from '../store/lineage.ts';
import type { Project } from '../store/project.ts';
import type { LoadedSelection } from '../store/selections.ts';
import { isImported, storedSignals } from '../store/signals.ts';
import type { ReportInput } from './data.ts';

type Run = NonNullable<ReportInput['run']>;

/** A word for the shell: quoted where it has to be. */
function shell(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** A value as the command line takes it: lists by commas, weights as NAME=NUMBER. */
function wordOf(value: unknown): string {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  return (isMap ? Object.entries(value).map(([key, own]) => `${key}=${own}`) : [value].flat()).join(',');
}

/** Options as flags; empty ones and false are left out. */
function flags(options: Readonly<Record<string, unknown>>): string {
  return Object.entries(options)
    .filter(([, value]) => value !== undefined && value !== false && value !== '')
    .map(([name, value]) => (value === true ? ` --${kebab(name)}` : ` --${kebab(name)} ${shell(wordOf(value))}`))
    .join('');
}

function scoreCommand(entry: SignalEntry): string {
  const params = (entry.about.params as Record<string, unknown> | undefined) ?? entry.params;
  return `winnow score ${entry.signal}${flags(params)}`;
}

/** The command that makes a selection again. */
function selectCommand({ name, method, options, seed, requested, lineage }: LoadedSelection): string {
  const budget = typeof lineage.budget === 'string' ? lineage.budget : String(requested);
  const composition = lineage.composition as CompositionRecord | undefined;
  const stages: Pick<CompositionRecord['stages'][number], 'method' | 'options' | 'budget' | 'pass' | 'reference'>[] =
    composition?.stages ?? [{ method, options, budget }];
  const words = stages.map(
    (stage) =>
      `${stage.method}${flags({ budget: stage.budget, pass: stage.pass, reference: stage.reference })}${flags(stage.options)}`,
  );
  // An option that may be repeated stands once for each of its values.
  const asked = Object.entries(composition?.asked ?? {}).map(([option, value]) =>
    [value]
      .flat()
      .map((one) => flags({ [option]: one }))
      .join(''),
  );
  return `winnow select ${words.join(' then ')} --seed ${seed} --name ${shell(name)}${asked.join('')}`;
}

/** Steps, models, machine, commands and hashes of what a page shows, from the lineage. */
export async function describeRun(project: Project, dataset: Dataset, main: LoadedSelection): Promise<Run> {
  const stored = [...(await storedSignals(project, dataset))].reverse();
  const entry = project.config().datasets.find((item) => item.name === dataset.name);
  return {
    steps: stored.map(({ entry: made }) => ({
      name: `score ${made.signal}`,
      seconds: Number(made.about.seconds ?? 0),
      samples: Number(made.about.rowsComputed ?? dataset.rows),
    })),
    models: stored.map(({ entry: made }) => ({
      role: made.signal,
      name: isImported(made) ? 'imported' : String(made.about.model ?? 'no model'),
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
        command: `winnow import ${shell(entry?.path ?? dataset.path)}${flags({ images: entry?.images, format: entry?.format })}`,
      },
      ...stored.map(({ entry: made, remedy }) => ({
        title: `${remedy === undefined ? 'Score' : 'Import'}: ${made.signal}`,
        command: remedy ?? scoreCommand(made),
      })),
      {
        title: 'Select',
        command: selectCommand(main),
      },
      { title: 'Report', command: `winnow report ${shell(main.name)}` },
    ],
    lineage: [
      { what: `data set ${dataset.name}`, hash: dataset.hash },
      ...stored.map(({ entry: made }) => ({ what: `model of ${made.signal}`, hash: made.revision })),
    ],
  };
}

async function versions(): Promise<Record<string, string>> {
  const own = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
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
