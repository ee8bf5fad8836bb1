import { createHash } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { WinnowError } from '../../base/errors.ts';
import { temporaryName } from '../../base/files/atomic.ts';
import { makeFolder } from '../../base/files/make-folder.ts';
import { kmeans } from '../../numeric/kmeans/kmeans.ts';
import { unitRowsJoined } from '../../numeric/linalg/join-vectors.ts';
import { gatherRows } from '../../numeric/linalg/matrix.ts';
import type { Project } from '../../store/project.ts';
import { refuseDamaged } from '../../store/shard-file.ts';
import type { Shard } from '../../store/shard-plan.ts';
import { readColumns, readQuarantined, wholeShards } from '../../store/shard-read.ts';
import { findColumns, type StoredSignal, storedSignals } from '../../store/signals.ts';
import { runJob } from '../../worker/run-job.ts';
import type { Signal, SignalContext } from '../signal.ts';

/** Options of scorers that are trained on columns which have been measured. */
export const scorerParams = {
  features: z
    .array(z.string().min(1))
    .min(1)
    .default(['clip_image', 'clip_text'])
    .describe('columns that the scorer sees: vectors are scaled to length 1, single numbers to -1 .. 1'),
  loss: z
    .string()
    .min(1)
    .default('nll_mm')
    .describe('column of the loss that is weighted; one with T checkpoints is gone through while training'),
  learningRate: z.coerce.number().positive().default(1e-3).describe('of the scorer (published with the model: 2e-5)'),
  batch: z.coerce.number().int().min(2).default(16).describe('rows whose weights are one softmax'),
  seed: z.coerce
    .number()
    .int()
    .nonnegative()
    .max(0xffffffff)
    .default(42)
    .describe('of the order of rows and of the scorer'),
};

interface ScorerParams extends Record<string, unknown> {
  features: string[];
  loss: string;
  batch: number;
  learningRate: number;
  seed: number;
  clusters?: number;
}

/** Columns that a scorer is trained on. */
export const scorerReads = ({ features, loss }: ScorerParams): string[] => [...features, loss];

/** A column that a scorer is trained on, and the shards that hold it. */
interface Source {
  column: string;
  kind: 'f32' | 'f16';
  width: number;
  stored: StoredSignal;
}

/** @throws WinnowError `COLUMN_MISSING`, `COLUMN_KIND`, `SIGNAL_INCOMPLETE` */
async function sourcesOf(params: ScorerParams, context: SignalContext): Promise<Source[]> {
  const { dataset, commandFor } = context;
  const stored = await storedSignals(projectOf(context), dataset);
  const find = (column: string) =>
    findColumns(projectOf(context), dataset, [column], { stored }).catch(async (cause: unknown) => {
      const command = await commandFor?.(column);
      if (!(cause instanceof WinnowError) || command === undefined) throw cause;
      const { code, message } = cause;
      throw new WinnowError({ code, message, hint: `Run: ${command}`, cause });
    });
  const found = (await Promise.all(scorerReads(params).map(find))).flat();
  return found.map(({ stored, column }) => {
    const { name, kind, width } = column;
    if (kind !== 'f32' && kind !== 'f16') {
      throw new WinnowError({
        code: 'COLUMN_KIND',
        message: `The column \`${name}\` holds ${kind}, and a scorer is trained on numbers.`,
        hint: 'Name another column.',
        exitCode: 2,
      });
    }
    const files = wholeShards(stored).map(({ path }) => path);
    refuseDamaged(files, stored.command);
    return { column: name, kind, width, stored };
  });
}

function projectOf({ project }: SignalContext): Project {
  if (project === undefined) throw new RangeError('A scorer reads the columns of a project, and there is none.');
  return project;
}

/** What a scorer's numbers depend on beside its options: every shard that it is trained on. */
export async function scorerRevision(params: ScorerParams, context: SignalContext): Promise<string> {
  const hash = createHash('sha256');
  for (const { column, stored } of await sourcesOf(params, context)) {
    hash.update(`${column}\n${stored.shards.map(({ key }) => key).join('\n')}\n`);
  }
  return hash.digest('hex');
}

/** Trains a scorer in the Python worker and writes its scores: all rows at once, whichever shards are missing. */
export async function trainScorer<P extends ScorerParams>(
  signal: Signal<P>,
  params: P,
  context: SignalContext,
  missing: readonly Shard[],
): Promise<void> {
  const { dataset } = context;
  const project = projectOf(context);
  const sources = await sourcesOf(params, context);
  const failed = new Map<number, Awaited<ReturnType<typeof readQuarantined>>[number]>();
  for (const { stored } of sources) for (const bad of await readQuarantined(project, stored)) failed.set(bad.row, bad);
  const folder = temporaryName(join(project.paths.temporary, 'worker'));
  makeFolder(folder);
  try {
    const clusters = params.clusters === undefined ? undefined : await clusterFile(params, context, sources, folder);
    const what = `training the scorer of ${signal.name}`;
    const measures = Object.fromEntries(signal.columns(params).map((c) => [c.name, c.measures]));
    await runJob(
      {
        kind: 'scorer',
        scorer: signal.name,
        params: trainingOf(params),
        rows: dataset.rows,
        features: sources.slice(0, -1).map(columnOf),
        loss: columnOf(sources.at(-1)!),
        clusters,
        quarantined: [...failed.values()].sort((a, b) => a.row - b.row),
        folder,
        threads: 1,
        shards: missing.map(({ start, end, path, key }) => ({
          start,
          end,
          ids: dataset.ids.slice(start, end),
          outputs: [{ signal: signal.name, path, key, measures }],
        })),
      },
      {
        signal: context.signal,
        onEvent: (event) => {
          if (event.t === 'progress') context.progress?.(what, event.done, event.of);
        },
      },
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What of the options says how the scorer is trained. */
function trainingOf({ epochs, batch, learningRate, seed, share, hidden }: ScorerParams) {
  const training = { epochs: Number(epochs), batch, learningRate, seed };
  return share === undefined ? training : { ...training, share: Number(share), hidden: Number(hidden) };
}

const columnOf = ({ column, kind, width, stored }: Source) => ({
  name: column,
  kind,
  width,
  files: stored.shards.map(({ path }) => path),
});

/** Clusters of the rows by their vectors, one int32 a row, -1 where a row has none; written for the worker. */
async function clusterFile(
  { clusters: k = 1, seed }: ScorerParams,
  context: SignalContext,
  sources: readonly Source[],
  folder: string,
): Promise<string> {
  const parts = [];
  for (const { column, width, stored } of sources.slice(0, -1)) {
    if (width === 1) continue;
    const found = (await readColumns(projectOf(context), stored, [column])).columns[column]!;
    if (found.kind === 'f32') parts.push({ data: found.data, rows: context.dataset.rows, width });
  }
  const labels = new Int32Array(context.dataset.rows).fill(-1);
  const points = parts.length === 0 ? { data: new Float32Array(0), rows: 0, width: 0 } : unitRowsJoined(parts);
  const rows = [...labels.keys()].filter((row) => row < points.rows && !Number.isNaN(points.data[row * points.width]));
  if (rows.length > 0) {
    const used = Math.min(k, rows.length);
    const fit = await kmeans(gatherRows(points, rows), { k: used, seed, sampleCap: 256 * used });
    rows.forEach((row, i) => {
      labels[row] = fit.labels[i]!;
    });
  }
  const file = join(folder, 'clusters.i32');
  await writeFile(file, new Uint8Array(labels.buffer));
  return file;
}
