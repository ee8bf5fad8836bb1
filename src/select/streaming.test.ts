/**
 * Columns larger than memory: what a method chooses from a column that is read in blocks is what it chooses from one in
 * memory.
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Column, ColumnBlock } from '../numeric/columns.ts';
import { createRandom } from '../numeric/philox.ts';
import { openProject, type Project } from '../store/project.ts';
import { planShards } from '../store/shard-plan.ts';
import { writeShard } from '../store/shards.ts';
import { recordSignal } from '../store/signals.ts';
import { readInputs } from './inputs/read-inputs.ts';
import { subPool } from './kit/sub-pool.ts';
import { parseOptions, selectors } from './methods/find.ts';
import type { SelectorInput } from './selector.ts';

const ROWS = 120;
const WIDTH = 6;
const SHARD_ROWS = 16;
const VECTORS = [
  'gradient_1',
  'gradient_2',
  'gradient_3',
  'gradient_4',
  'gradient_last',
  'rds',
  'vision_repr',
  'image',
  'visual',
  'hidden',
  'coincide',
  'dino',
];
const NUMBERS = [
  'vic',
  'ric',
  'gradient_norm',
  'nll_mm',
  'nll_image_only',
  'el2n',
  'informativeness',
  'tau',
  'turns',
  'aum',
];

let folder = '';
let project: Project;

function makeColumns(): Record<string, Column> {
  const random = createRandom(7, 'test/streaming');
  const vectors = VECTORS.map((name): [string, Column] => {
    const data = Float32Array.from({ length: ROWS * WIDTH }, () => random.normal());
    // A row that wasn't measured, one with a missing value, and twins.
    data.fill(Number.NaN, 5 * WIDTH, 6 * WIDTH);
    data[17 * WIDTH + 2] = Number.NaN;
    data.copyWithin(40 * WIDTH, 39 * WIDTH, 40 * WIDTH);
    return [name, { kind: 'f32', width: WIDTH, data }];
  });
  const numbers = NUMBERS.map((name): [string, Column] => {
    return [name, { kind: 'f32', width: 1, data: Float32Array.from({ length: ROWS }, () => 0.1 + random.uniform()) }];
  });
  return Object.fromEntries([...vectors, ...numbers]);
}

const columns = makeColumns();

const part = (start: number, end: number): ColumnBlock => ({
  start,
  rows: end - start,
  columns: Object.fromEntries(
    Object.entries(columns).map(([name, column]) => {
      const { data, width } = column as { data: Float32Array; width: number };
      return [name, { kind: 'f32', width, data: data.slice(start * width, end * width) } as Column];
    }),
  ),
});

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'winnow-streaming-'));
  const rows = Array.from({ length: ROWS }, (_, i) => ({
    id: `r${i}`,
    source: ['web', 'book', 'map'][i % 3],
    conversations: [
      { from: 'human', value: `Question ${i}?` },
      { from: 'gpt', value: 'Here.' },
    ],
  }));
  writeFileSync(join(folder, 'd.json'), JSON.stringify(rows));
  project = await openProject(folder, { create: true });
  const dataset = await project.addDataset({ path: join(folder, 'd.json'), format: 'llava' });
  const specs = Object.entries(columns).map(([name, { width }]) => ({
    name,
    kind: 'f32' as const,
    width,
    measures: 'x',
  }));
  const identity = { signal: 'test', version: 1, revision: 'x', params: {}, columns: specs };
  const plan = await planShards(project, dataset, identity, { shardRows: SHARD_ROWS });
  for (const shard of plan.shards) await writeShard(project, plan, shard, part(shard.start, shard.end), []);
  await recordSignal(project, plan, {});
});
afterAll(async () => {
  await project.close();
  rmSync(folder, { recursive: true, force: true });
});

const reference: SelectorInput = {
  ...subPool({ rows: ROWS, columns }, Int32Array.of(1, 2, 3, 4)),
  source: ['x', 'x', 'y', 'y'],
};

const streaming = selectors.filter(({ streams }) => streams !== undefined);

it('streams what is as wide as a gradient or a hidden state', () => {
  expect(streaming.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['less', 'icons', 'rds-plus', 'datainf', 'tive', 'scalselect', 'prism']),
  );
});

describe.each(streaming.map((selector) => [selector.name, selector] as const))('%s', (_, selector) => {
  it('chooses the same from a column in blocks, whole or in part', async () => {
    const options = parseOptions(selector, { ...selector.comparisonVariants?.[0], textOnly: 'score' });
    const streams = new Set(selector.streams!(options));
    const dataset = await project.dataset();
    const read = async (heldBytes: number): Promise<SelectorInput> => {
      const { input } = await readInputs(project, dataset, selector.needs(options), { streams, heldBytes });
      return selector.referenceNeeds === undefined ? input : { ...input, reference };
    };
    const held = await read(Number.POSITIVE_INFINITY);
    const streamed = await read(0);
    expect(Object.keys(streamed.wide!).sort()).toEqual([...streams].sort());
    expect(Object.keys(held.wide!)).toEqual([]);
    const context = { budget: 30, seed: 3 };
    const fromHeld = await selector.select(held, options, context);
    const fromStreamed = await selector.select(streamed, options, context);
    expect(fromStreamed.kept).toEqual(fromHeld.kept);
    expect(fromStreamed.reasons).toEqual(fromHeld.reasons);
    const some = Int32Array.from({ length: 60 }, (_, i) => 2 * i);
    expect((await selector.select(subPool(streamed, some), options, context)).kept).toEqual(
      (await selector.select(subPool(held, some), options, context)).kept,
    );
  });
});

it('gathers rows in any order, and leaves no file', async () => {
  const { input } = await readInputs(project, await project.dataset(), ['hidden'], {
    streams: new Set(['hidden']),
    heldBytes: 0,
  });
  const { data, rows, width } = await input.wide!.hidden!.gather([119, 0, 1, 2, 5, 2]);
  expect([rows, width]).toEqual([6, WIDTH]);
  const all = (columns.hidden as { data: Float32Array }).data;
  expect(data).toEqual(
    Float32Array.from([119, 0, 1, 2, 5, 2].flatMap((row) => [...all.subarray(row * WIDTH, (row + 1) * WIDTH)])),
  );
  expect(readdirSync(project.paths.temporary).filter((name) => name.includes('rows.f32'))).toEqual([]);
});
