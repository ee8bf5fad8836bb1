import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Dataset } from '../dataset/dataset.ts';
import type { ColumnBlock } from '../numeric/columns.ts';
import { JOINED_END } from './column-cache.ts';
import { openProject, type Project } from './project.ts';
import { planShards, type Shard, type ShardPlan, type SignalIdentity } from './shard-plan.ts';
import { readColumns, readQuarantined } from './shard-read.ts';
import { writeShard } from './shards.ts';
import { recordSignal, storedSignals } from './signals.ts';
import { collectGarbage } from './verbs/gc.ts';

const ROWS = 30;
const identity: SignalIdentity = {
  signal: 'test',
  version: 1,
  revision: '',
  params: {},
  media: false,
  columns: [
    { name: 'score', kind: 'f32', measures: 'a number' },
    { name: 'trajectory', kind: 'f32', width: 3, measures: 'three numbers' },
    { name: 'count', kind: 'i32', measures: 'a count' },
    { name: 'note', kind: 'text', measures: 'words' },
    { name: 'wide', kind: 'f32', width: 100, measures: 'an embedding' },
  ],
};
const names = identity.columns.map(({ name }) => name);
const fault = { row: 3, id: 'r3', code: 'IMAGE', reason: 'é "broken"' };

let folder: string;
let project: Project;
let dataset: Dataset;

const lines = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, i) => {
    const conversations = [
      { from: 'human', value: 'Hm?' },
      { from: 'gpt', value: `${from + i}` },
    ];
    return `${JSON.stringify({ id: `r${from + i}`, conversations })}\n`;
  }).join('');

function block({ start, end }: Pick<Shard, 'start' | 'end'>): ColumnBlock {
  const at = Array.from({ length: end - start }, (_, i) => start + i);
  const f32 = (width: number, of: (row: number) => number) => ({
    kind: 'f32' as const,
    width,
    data: Float32Array.from(
      at.flatMap((row) => new Array<number>(width).fill(row === fault.row ? Number.NaN : of(row))),
    ),
  });
  return {
    start,
    rows: end - start,
    columns: {
      score: f32(1, (row) => row / 7),
      trajectory: f32(3, (row) => -row),
      count: { kind: 'i32', width: 1, data: Int32Array.from(at) },
      note: { kind: 'text', width: 1, data: at.map((row) => (row === fault.row ? null : `${row}`)) },
      wide: f32(100, (row) => row),
    },
  };
}

async function measure(): Promise<ShardPlan> {
  const plan = await planShards(project, dataset, identity, { shardRows: 3 });
  for (const shard of plan.shards) {
    const isBad = shard.start <= fault.row && fault.row < shard.end;
    if (!shard.done) await writeShard(project, plan, shard, block(shard), isBad ? [fault] : []);
  }
  await recordSignal(project, plan, {});
  return plan;
}

const joinedFiles = (): string[] => readdirSync(project.paths.indexes).filter((name) => name.endsWith(JOINED_END));

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'winnow-joined-'));
  writeFileSync(join(folder, 'd.jsonl'), lines(0, ROWS));
  project = await openProject(folder, { create: true });
  dataset = await project.addDataset({ path: join(folder, 'd.jsonl') });
});

afterEach(async () => {
  await project.close();
  rmSync(folder, { recursive: true });
});

it('gives narrow columns and what was set aside from one file, the same as the shards do', async () => {
  const plan = await measure();
  const [stored] = await storedSignals(project, dataset);
  expect(stored!.joined?.columns.map(({ name }) => name)).toEqual(['score', 'trajectory', 'count']);
  expect(await readColumns(project, stored!, names)).toEqual(block({ start: 0, end: ROWS }));
  for (const name of names)
    expect(await readColumns(project, stored!, [name])).toEqual(await readColumns(project, plan, [name]));
  expect(await readQuarantined(project, stored!)).toEqual([fault]);
  expect(await readColumns(project, stored!, ['count'], { range: { start: 4, end: 9 } })).toMatchObject({
    start: 4,
    rows: 5,
  });
});

it('is passed over where it is damaged, or a shard is not what it was', async () => {
  const plan = await measure();
  const file = join(project.paths.indexes, joinedFiles()[0]!);
  const whole = readFileSync(file);
  truncateSync(file, whole.length - 4);
  expect((await storedSignals(project, dataset))[0]!.joined).toBeUndefined();
  expect((await readColumns(project, (await storedSignals(project, dataset))[0]!, ['score'])).columns.score).toEqual(
    block({ start: 0, end: ROWS }).columns.score,
  );
  writeFileSync(file, whole);
  truncateSync(plan.shards[4]!.path, 100);
  const [cut] = await storedSignals(project, dataset);
  await expect(readColumns(project, cut!, ['score'])).rejects.toMatchObject({ code: 'SIGNAL_INCOMPLETE' });
  await measure();
  expect((await storedSignals(project, dataset))[0]!.joined).toBeDefined();
});

it('is made anew for appended rows, and the old one is garbage', async () => {
  await measure();
  appendFileSync(join(folder, 'd.jsonl'), lines(ROWS, ROWS + 5));
  dataset = await project.addDataset({ path: join(folder, 'd.jsonl') });
  expect((await storedSignals(project, dataset))[0]!.joined).toBeUndefined();
  await measure();
  const [stored] = await storedSignals(project, dataset);
  expect(await readColumns(project, stored!, names)).toEqual(block({ start: 0, end: ROWS + 5 }));
  expect(joinedFiles()).toHaveLength(2);
  const { garbage } = await collectGarbage(project);
  expect(garbage.filter(({ path }) => path.endsWith(JOINED_END))).toHaveLength(1);
  expect(stored!.joined!.path).toContain(joinedFiles()[0]!);
});
