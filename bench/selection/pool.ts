/**
 * A generated pool as a project: a data set in LLaVA's format, and signals in shards as `winnow score` writes them. The
 * rows come from topics of very different sizes that belong to sources of the sizes of LLaVA-665K, so that clusters,
 * losses and trajectories hang together.
 */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Column, ColumnSpec } from '../../src/numeric/columns.ts';
import { createRandom } from '../../src/numeric/philox.ts';
import { openProject, type Project } from '../../src/store/project.ts';
import { planShards } from '../../src/store/shard-plan.ts';
import { writeShard } from '../../src/store/shards.ts';
import { recordSignal } from '../../src/store/signals.ts';

/** Sources of LLaVA-665K with their rows; text-only rows have no folder. */
const SOURCES: readonly (readonly [string, number])[] = [
  ['coco/train2017', 364_100],
  ['vg/VG_100K', 86_417],
  ['ocr_vqa/images', 80_000],
  ['gqa/images', 72_140],
  ['textvqa/train_images', 21_953],
  ['', 40_688],
];
export const LLAVA_ROWS = 665_298;
export const INSTRUCTION_WIDTH = 384;
const ATTENTION_CHECKPOINTS = 7;
export const LOSS_CHECKPOINTS = 31;
const TOPICS = 3000;
const SINGULAR_VALUES = 5;
/** Rows a shard: those of the signals that `winnow score` measures. */
const LOSS_SHARD = 512;
const TEXT_SHARD = 4096;

/** A row of the pool: its topic, and the folder of its image ('' without one). */
export interface Row {
  topic: number;
  folder: string;
}

/** What a topic is like: where its instructions lie, how much its answers need the image, how fast it is learnt. */
interface Topic {
  necessity: number;
  loss: number;
  speed: number;
  level: number;
}

/** Normal numbers by the million: the sum of two stretches of a bank, so that no two rows share their noise. */
function openNoise(seed: number): (out: Float32Array) => void {
  const random = createRandom(seed, 'bench/noise');
  const bank = Float32Array.from({ length: 1 << 20 }, () => random.normal());
  return (out) => {
    const a = random.below(bank.length - out.length);
    const b = random.below(bank.length - out.length);
    for (let t = 0; t < out.length; t++) out[t] = (bank[a + t]! + bank[b + t]!) * Math.SQRT1_2;
  };
}

function drawRows(rows: number, seed: number): Row[] {
  const random = createRandom(seed, 'bench/rows');
  // Zipf: the weight of topic j is 1 / (j + 1).
  const cumulative: number[] = [];
  for (let j = 0; j < TOPICS; j++) cumulative.push((cumulative[j - 1] ?? 0) + 1 / (j + 1));
  const folders = SOURCES.flatMap(([folder, count]) => new Array<string>(Math.ceil(count / 1000)).fill(folder));
  return Array.from({ length: rows }, () => {
    const target = random.uniform() * cumulative[TOPICS - 1]!;
    let low = 0;
    let high = TOPICS - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (cumulative[middle]! > target) high = middle;
      else low = middle + 1;
    }
    return { topic: low, folder: folders[random.below(folders.length)]! };
  });
}

function drawTopics(seed: number): Topic[] {
  const random = createRandom(seed, 'bench/topics');
  return Array.from({ length: TOPICS }, () => ({
    necessity: 0.25 + 0.4 * random.normal(),
    loss: 0.6 + 1.5 * random.uniform(),
    speed: 0.05 + 0.5 * random.uniform(),
    level: 20 + 40 * random.uniform(),
  }));
}

/** Unit vectors around the centres of their topics, as embeddings of sentences are. */
export function embeddingOf(
  rows: readonly { topic: number }[],
  width: number,
  seed: number,
): (row: number) => Float32Array {
  const centres = createRandom(seed, `bench/centres/${width}`);
  const bank = Float32Array.from({ length: TOPICS * width }, () => centres.normal());
  const noise = openNoise(seed + width);
  const vector = new Float32Array(width);
  return (row) => {
    noise(vector);
    const at = rows[row]!.topic * width;
    let square = 0;
    for (let t = 0; t < width; t++) {
      vector[t] = bank[at + t]! + 0.8 * vector[t]!;
      square += vector[t]! ** 2;
    }
    const length = Math.sqrt(square);
    for (let t = 0; t < width; t++) vector[t]! /= length;
    return vector;
  };
}

/** A signal to be generated, with a function for each column that gives a row's numbers. */
export interface GeneratedSignal {
  name: string;
  shardRows: number;
  columns: (ColumnSpec & { values: (row: number) => ArrayLike<number> })[];
}

/** Losses, scores of tokens, embeddings of instructions, and trajectories of attention and loss. */
export function poolSignals(rows: readonly Row[], seed: number): GeneratedSignal[] {
  const topics = drawTopics(seed);
  const scalars = createRandom(seed, 'bench/scalars');
  const scalar = (name: string, value: (topic: Topic, row: number) => number): GeneratedSignal['columns'][number] => {
    const held = [0];
    const values = (row: number): number[] => {
      held[0] = value(topics[rows[row]!.topic]!, row);
      return held;
    };
    return { name, kind: 'f32', measures: name, values };
  };
  const noise = openNoise(seed);
  const attention = new Float32Array(ATTENTION_CHECKPOINTS * SINGULAR_VALUES);
  const losses = new Float32Array(LOSS_CHECKPOINTS);
  const instruction = embeddingOf(rows, INSTRUCTION_WIDTH, seed);
  return [
    {
      name: 'loss',
      shardRows: LOSS_SHARD,
      columns: [
        scalar('nll_mm', ({ loss }) => Math.max(0.01, loss + 0.3 * scalars.normal())),
        scalar('necessity_masked', ({ necessity }, row) =>
          rows[row]!.folder === '' ? 0 : necessity + 0.2 * scalars.normal(),
        ),
      ],
    },
    {
      name: 'token-scores',
      shardRows: LOSS_SHARD,
      columns: [
        scalar('el2n', ({ loss }) => loss * 0.5 * scalars.uniform()),
        scalar('aum', ({ loss }) => 1 - loss + 0.4 * scalars.normal()),
        scalar('clip_score', ({ necessity }) => 0.2 + 0.05 * necessity + 0.03 * scalars.normal()),
      ],
    },
    {
      name: 'text-embedding',
      shardRows: TEXT_SHARD,
      columns: [
        { name: 'instruction', kind: 'f32', width: INSTRUCTION_WIDTH, measures: 'unit embedding', values: instruction },
      ],
    },
    {
      name: 'attention',
      shardRows: LOSS_SHARD,
      columns: [
        {
          name: 'attention_sv',
          kind: 'f32',
          width: attention.length,
          measures: 'five largest singular values at each checkpoint',
          values: (row) => {
            if (rows[row]!.folder === '') return attention.fill(Number.NaN);
            noise(attention);
            const { level, speed } = topics[rows[row]!.topic]!;
            const length = level * Math.exp(0.3 * scalars.normal());
            for (let i = 0; i < attention.length; i++) {
              const t = Math.floor(i / SINGULAR_VALUES);
              const fallen = 0.5 ** (i % SINGULAR_VALUES);
              attention[i] = length * fallen * (1 + speed * Math.exp(-speed * t) + 0.02 * attention[i]!);
            }
            return attention;
          },
        },
      ],
    },
    {
      name: 'loss-trajectory',
      shardRows: LOSS_SHARD,
      columns: [
        {
          name: 'nll_trajectory',
          kind: 'f32',
          width: LOSS_CHECKPOINTS,
          measures: 'loss at each checkpoint, nats/token',
          values: (row) => {
            noise(losses);
            const { loss, speed } = topics[rows[row]!.topic]!;
            const own = loss * Math.exp(0.2 * scalars.normal());
            for (let t = 0; t < LOSS_CHECKPOINTS; t++)
              losses[t] = own * (1 + 2 * Math.exp(-speed * t)) + 0.05 * losses[t]!;
            return losses;
          },
        },
      ],
    },
  ];
}

async function writeDataset(path: string, rows: readonly Row[]): Promise<void> {
  const file = await open(path, 'w');
  try {
    for (let start = 0; start < rows.length; start += 10_000) {
      const records = rows.slice(start, start + 10_000).map(({ topic, folder }, i) => {
        const id = String(start + i).padStart(12, '0');
        const ask = `What do you see of subject ${topic} in case ${start + i}?`;
        const conversations = [
          { from: 'human', value: folder === '' ? ask : `<image>\n${ask}` },
          { from: 'gpt', value: `Answer ${start + i}.` },
        ];
        return JSON.stringify(
          folder === '' ? { id, conversations } : { id, image: `${folder}/${id}.jpg`, conversations },
        );
      });
      const end = start + records.length === rows.length ? '\n]\n' : ',';
      await file.write(`${start === 0 ? '[' : ''}\n${records.join(',\n')}${end}`);
    }
  } finally {
    await file.close();
  }
}

async function writeSignal(project: Project, { name, shardRows, columns }: GeneratedSignal): Promise<void> {
  const dataset = await project.dataset();
  const identity = { signal: name, version: 1, revision: 'generated', params: {}, columns, media: false };
  const plan = await planShards(project, dataset, identity, { shardRows });
  for (const shard of plan.shards) {
    const rows = shard.end - shard.start;
    const filled: Record<string, Column> = {};
    for (const { name: column, width = 1 } of columns) {
      filled[column] = { kind: 'f32', width, data: new Float32Array(rows * width) };
    }
    for (let i = 0; i < rows; i++) {
      for (const { name: column, width = 1, values } of columns) {
        (filled[column]!.data as Float32Array).set(values(shard.start + i), i * width);
      }
    }
    await writeShard(project, plan, shard, { start: shard.start, rows, columns: filled });
  }
  await recordSignal(project, plan, {});
}

/** Makes a pool with such signals in a folder, unless it is there. */
export async function makePool(
  folder: string,
  rows: number,
  signals: (rows: readonly Row[], seed: number) => GeneratedSignal[],
  seed = 1,
): Promise<void> {
  const made = join(folder, 'made');
  if (existsSync(made)) {
    await using project = await openProject(folder);
    // The hash of the rows changes with the code that reads them, and shards are named by it.
    if ((await project.dataset()).hash === readFileSync(made, 'utf8')) return;
  }
  process.stderr.write(`making ${rows} rows in ${folder} ...\n`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const drawn = drawRows(rows, seed);
  const file = join(folder, 'pool.json');
  await writeDataset(file, drawn);
  await using project = await openProject(folder, { create: true });
  const { hash } = await project.addDataset({ path: file });
  for (const signal of signals(drawn, seed)) await writeSignal(project, signal);
  await writeFile(made, hash);
}
