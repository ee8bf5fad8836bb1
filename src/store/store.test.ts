import { createHash } from 'node:crypto';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Dataset } from '../dataset/dataset.ts';
import type { ColumnBlock } from '../numeric/columns.ts';
import { openProject, type Project } from './project.ts';
import { listSelections, loadSelection, saveSelection } from './selections.ts';
import { planShards, type Shard, type ShardPlan, type SignalIdentity } from './shard-plan.ts';
import { readColumns, readQuarantined } from './shard-read.ts';
import { writeShard } from './shards.ts';
import { columnsNamed, recordSignal, storedSignals } from './signals.ts';
import { querySql } from './verbs/sql.ts';

let folder: string;
let project: Project;
let dataset: Dataset;

const record = (i: number): string =>
  JSON.stringify({
    id: `r${i}`,
    image: `s/${i}.jpg`,
    conversations: [
      { from: 'human', value: '<image>\nHm?' },
      { from: 'gpt', value: `${i}` },
    ],
  });

const identity: SignalIdentity = {
  signal: 'test-loss',
  version: 1,
  revision: 'abc',
  params: { blind: 'masked' },
  columns: [
    { name: 'necessity', kind: 'f32', measures: 'nats/token' },
    { name: 'instruction', kind: 'f32', width: 3, measures: 'a vector' },
    { name: 'tokens', kind: 'i32', measures: 'count' },
    { name: 'note', kind: 'text', measures: 'words' },
    { name: 'losses', kind: 'list', measures: 'nats' },
  ],
};

function block(shard: Pick<Shard, 'start' | 'end'>, shift = 0): ColumnBlock {
  const rows = shard.end - shard.start;
  const at = Array.from({ length: rows }, (_, i) => shard.start + i + shift);
  const offsets = Uint32Array.from({ length: rows + 1 }, (_, i) => i * 2);
  return {
    start: shard.start,
    rows,
    columns: {
      necessity: {
        kind: 'f32',
        width: 1,
        data: Float32Array.from(at, (row) => (row % 5 === 4 ? Number.NaN : row / 7)),
      },
      instruction: {
        kind: 'f32',
        width: 3,
        data: Float32Array.from(
          at.flatMap((row) => (row % 5 === 4 ? [Number.NaN, Number.NaN, Number.NaN] : [row, -row, 0.1])),
        ),
      },
      tokens: { kind: 'i32', width: 1, data: Int32Array.from(at) },
      note: { kind: 'text', width: 1, data: at.map((row) => (row % 2 ? `it's "${row}" é` : null)) },
      losses: { kind: 'list', width: 1, offsets, data: Float32Array.from(at.flatMap((row) => [row + 0.5, 0.1])) },
    },
  };
}

const plan = (rows = 4, how: Partial<SignalIdentity> = {}): Promise<ShardPlan> =>
  planShards(project, dataset, { ...identity, ...how }, { shardRows: rows });

async function fill(which: ShardPlan): Promise<number> {
  const missing = which.shards.filter((shard) => !shard.done);
  for (const shard of missing) await writeShard(project, which, shard, block(shard));
  return missing.length;
}

const bytesOf = (which: ShardPlan): string[] =>
  which.shards.map((shard) => createHash('sha256').update(readFileSync(shard.path)).digest('hex'));

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'winnow-store-'));
  writeFileSync(join(folder, 'd.jsonl'), Array.from({ length: 10 }, (_, i) => `${record(i)}\n`).join(''));
  project = await openProject(folder, { create: true });
  dataset = await project.addDataset({ path: join(folder, 'd.jsonl') });
});

afterEach(async () => {
  await project.close();
  rmSync(folder, { recursive: true });
});

describe('project', () => {
  it('keeps the comments of winnow.yaml and writes paths that move with the folder', async () => {
    const file = join(folder, 'winnow.yaml');
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace('defaults: {}', '# mine\ndefaults:\n  budget: 15% # of all\n'),
    );
    await project.addDataset({ path: join(folder, 'd.jsonl'), name: 'second' });
    const text = readFileSync(file, 'utf8');
    expect(text).toContain('# mine');
    expect(text).toContain('budget: 15% # of all');
    expect(project.config().datasets).toEqual([
      { name: 'd', path: 'd.jsonl' },
      { name: 'second', path: 'd.jsonl' },
    ]);
    expect((await project.dataset()).name).toBe('d');
    expect((await project.lineage()).map((entry) => entry.kind)).toEqual(['import', 'import']);
    const known = await project.lineage();
    expect(await project.lineage(), 'is read once').toBe(known);
    await project.record({ kind: 'export', name: 'x', about: {} });
    expect(await project.lineage(), 'and again when it has grown').toHaveLength(3);
  });

  it('says what is wrong', async () => {
    await expect(openProject(join(folder, 'none'))).rejects.toMatchObject({ code: 'PROJECT_MISSING', exitCode: 2 });
    await expect(project.dataset('x')).rejects.toMatchObject({ code: 'DATASET_UNKNOWN' });
    await expect(project.addDataset({ path: join(folder, 'gone.json') })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    writeFileSync(join(folder, 'winnow.yaml'), 'version: 1\ndefaults: {budjet: 3}\n');
    expect(() => project.config()).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining('budjet') }),
    );
  });
});

describe('shards', () => {
  it('give back what was written, and the same bytes when written again', async () => {
    const first = await plan();
    expect(first.shards.map(({ start, end, done }) => [start, end, done])).toEqual([
      [0, 4, false],
      [4, 8, false],
      [8, 10, false],
    ]);
    await fill(first);
    const bytes = bytesOf(first);
    for (const shard of first.shards) {
      rmSync(shard.path);
      await Promise.all([
        writeShard(project, first, shard, block(shard)),
        writeShard(project, first, shard, block(shard)),
      ]);
    }
    expect(bytesOf(first)).toEqual(bytes);
    const all = block({ start: 0, end: 10 });
    expect(await readColumns(project, first, Object.keys(all.columns))).toEqual(all);
  });

  it('resume: only what is missing is planned, a cut file counts as missing', async () => {
    expect(await fill(await plan())).toBe(3);
    expect(await fill(await plan())).toBe(0);
    const [, second] = (await plan()).shards;
    truncateSync(second!.path, 700);
    const again = await plan();
    expect(again.shards.map((shard) => shard.done)).toEqual([true, false, true]);
    await expect(readColumns(project, again, ['tokens'])).rejects.toMatchObject({ code: 'SIGNAL_INCOMPLETE' });
    expect(
      ((await readColumns(project, again, ['tokens'], { partial: true })).columns.tokens!.data as Int32Array)[9],
    ).toBe(9);
    expect(await fill(again)).toBe(1);
    expect(readdirSync(join(again.shards[0]!.path, '..'))).toHaveLength(3);
  });

  it('name the damaged file', async () => {
    const all = await plan();
    await fill(all);
    const bytes = readFileSync(all.shards[1]!.path);
    bytes.fill(0x55, 4, 600);
    writeFileSync(all.shards[1]!.path, bytes);
    await expect(readColumns(project, await plan(), ['instruction', 'note'])).rejects.toMatchObject({
      code: 'SHARD_DAMAGED',
      where: { file: all.shards[1]!.path },
    });
  });

  it('are named by all that changes the numbers', async () => {
    const names = (which: ShardPlan): string[] => which.shards.map((shard) => shard.path);
    const same = names(await plan());
    expect(names(await plan())).toEqual(same);
    for (const how of [{ version: 2 }, { revision: 'x' }, { params: { blind: 'drop' } }])
      expect(names(await plan(4, how))).not.toContain(same[0]);
    expect(names(await plan(4, { params: { ...identity.params } }))).toEqual(same);
    const text = readFileSync(join(folder, 'd.jsonl'), 'utf8').replace(record(5), record(99));
    writeFileSync(join(folder, 'd.jsonl'), text);
    dataset = await project.addDataset({ path: join(folder, 'd.jsonl') });
    expect(names(await plan()).map((path) => same.includes(path))).toEqual([true, false, true]);
  });

  it('see media change', async () => {
    const before = (await plan()).shards[0]!.key;
    const other = (await plan(4, { media: false })).shards[0]!.key;
    const image = join(folder, 's', '0.jpg');
    mkdirSync(join(folder, 's'));
    writeFileSync(image, 'x');
    const there = (await plan()).shards[0]!.key;
    utimesSync(image, 1, 1);
    const touched = (await plan()).shards[0]!.key;
    expect(new Set([before, there, touched]).size).toBe(3);
    expect((await plan(4, { media: false })).shards[0]!.key).toBe(other);
  });

  it('stay when rows are appended', async () => {
    await fill(await plan());
    appendFileSync(join(folder, 'd.jsonl'), `${record(10)}\n${record(11)}\n${record(12)}\n`);
    dataset = await project.addDataset({ path: join(folder, 'd.jsonl') });
    const grown = await plan();
    expect(grown.shards.map(({ start, end, done }) => [start, end, done])).toEqual([
      [0, 4, true],
      [4, 8, true],
      [8, 10, true],
      [10, 12, false],
      [12, 13, false],
    ]);
  });

  it('remember which rows could not be computed', async () => {
    const all = await plan(10);
    const fault = { row: 3, id: 'r3', code: 'IMAGE', reason: `can't decode "quarantined":[]` };
    await writeShard(project, all, all.shards[0]!, block(all.shards[0]!), [fault]);
    expect(await readQuarantined(project, await plan(10))).toEqual([fault]);
  });
});

it('works in folders with odd names, also through a link', async () => {
  const odd = join(folder, "it's a [b]*? é");
  mkdirSync(odd);
  symlinkSync(odd, join(folder, 'link'));
  for (const at of [odd, join(folder, 'link')]) {
    await using other = await openProject(at, { create: true });
    const data = await other.addDataset({ path: join(folder, 'd.jsonl') });
    const all = await planShards(other, data, identity, { shardRows: 5 });
    for (const shard of all.shards) await writeShard(other, all, shard, block(shard));
    expect((await readColumns(other, all, ['tokens'])).columns.tokens).toEqual(
      block({ start: 0, end: 10 }).columns.tokens,
    );
    expect(await readQuarantined(other, all)).toEqual([]);
  }
});

describe('columns by name and SQL', () => {
  it('find the latest signal that has them', async () => {
    await expect(columnsNamed(project, dataset, ['necessity'])).rejects.toMatchObject({ code: 'COLUMN_MISSING' });
    const all = await plan();
    await fill(all);
    await recordSignal(project, all, { seconds: 1 });
    const found = await columnsNamed(project, dataset, ['necessity', 'test-loss.tokens']);
    expect(found.columns.necessity).toEqual(block({ start: 0, end: 10 }).columns.necessity);
    expect(found.from.necessity).toMatchObject({ signal: 'test-loss', revision: 'abc' });
    appendFileSync(join(folder, 'd.jsonl'), `${record(10)}\n`);
    dataset = await project.addDataset({ path: join(folder, 'd.jsonl') });
    const [stored] = await storedSignals(project, dataset);
    expect(stored!.shards.map((shard) => shard.done)).toEqual([true, true, true, false]);
  });

  it('answer reading statements and refuse all others', async () => {
    const all = await plan();
    await fill(all);
    await recordSignal(project, all, {});
    const result = await querySql(
      project,
      'SELECT id, source, round(necessity, 3) AS n FROM test_loss JOIN samples USING (row, id) WHERE necessity > 1 ORDER BY row',
    );
    expect(result).toEqual({ columns: ['id', 'source', 'n'], rows: [['r8', 's', expect.closeTo(1.143)]], more: false });
    for (const sql of [
      'DROP TABLE samples',
      `COPY (SELECT 1) TO '${project.paths.root}/x.csv'`,
      'SELECT 1; SELECT 2',
      'CREATE TABLE t (a INT)',
      'INSTALL httpfs',
      'SET threads = 1',
      `EXPLAIN ANALYZE COPY (SELECT 1) TO '${project.paths.root}/x.csv'`,
      'EXPLAIN /* */ ANALYZE DELETE FROM samples',
    ]) {
      await expect(querySql(project, sql), sql).rejects.toMatchObject({ code: 'SQL_NOT_READING' });
    }
    for (const sql of [
      "SELECT * FROM read_text('/etc/hostname')",
      'SELECT nothing',
      "SELECT * FROM 'https://example.org/x.parquet'",
    ]) {
      await expect(querySql(project, sql), sql).rejects.toMatchObject({ code: 'SQL_FAILED' });
    }
  });
});

describe('selections', () => {
  const chosen = {
    method: 'visnec',
    options: { k: 2, blind: 'masked' },
    seed: 42,
    requested: 4,
    kept: Int32Array.from([7, 2, 5]),
    perCluster: [{ cluster: 0, size: 10, candidates: 5, quota: 4, kept: 3 }],
    shortfall: { missing: 1, because: 'few' },
    reasons: Array.from({ length: 10 }, (_, row) => ({
      row,
      kept: [7, 2, 5].includes(row),
      code: 'x',
      cluster: row % 2,
      rank: row > 4 ? row : undefined,
      score: row > 4 ? row / 2 : undefined,
    })),
    clusters: Int32Array.from({ length: 10 }, (_, row) => row % 2),
  };

  it('come back as they were saved, in the same bytes when saved again', async () => {
    const { file } = await saveSelection(project, 'visnec-15%-s42', dataset, chosen, { necessity: 'abc' });
    const first = readdirSync(project.paths.selections).map((name) => [
      name,
      readFileSync(join(project.paths.selections, name), 'base64'),
    ]);
    const loaded = await loadSelection(project, 'visnec-15%-s42');
    expect(loaded).toEqual({
      ...chosen,
      name: 'visnec-15%-s42',
      dataset: { name: 'd', hash: dataset.hash, rows: 10 },
      lineage: { necessity: 'abc' },
      ids: ['r7', 'r2', 'r5'],
      rowIds: ['r0', 'r1', 'r2', 'r3', 'r4', 'r5', 'r6', 'r7', 'r8', 'r9'],
    });
    await saveSelection(project, 'visnec-15%-s42', dataset, chosen, { necessity: 'abc' });
    expect(
      readdirSync(project.paths.selections).map((name) => [
        name,
        readFileSync(join(project.paths.selections, name), 'base64'),
      ]),
    ).toEqual(first);
    await saveSelection(project, 'visnec-15%-s42', dataset, { ...chosen, kept: Int32Array.from([1]) });
    expect(readdirSync(project.paths.selections)).toHaveLength(2);
    expect(await listSelections(project)).toEqual(['visnec-15%-s42']);
    writeFileSync(file, '{');
    await expect(loadSelection(project, 'visnec-15%-s42')).rejects.toMatchObject({ code: 'SELECTION_DAMAGED' });
    await expect(loadSelection(project, 'none')).rejects.toMatchObject({ code: 'SELECTION_UNKNOWN' });
    await expect(loadSelection(project, '../d')).rejects.toMatchObject({ code: 'NAME_INVALID' });
  });
});

it('passes over half a line that a crash left in the lineage', async () => {
  appendFileSync(project.paths.lineage, '{"kind": "impo');
  await project.record({ kind: 'export', name: 'x', about: {} });
  expect((await project.lineage()).map((entry) => entry.kind)).toEqual(['import', 'export']);
});
