import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openProject, type Project } from '../project.ts';
import { filterProject } from './filter.ts';
import { querySql, streamSql, viewNames } from './sql.ts';

let folder: string;
let project: Project;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'winnow-sql-'));
  const rows = Array.from({ length: 300 }, (_, i) => ({ id: `r${i}`, messages: [{ role: 'user', content: 'x' }] }));
  writeFileSync(join(folder, 'd.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
  project = await openProject(folder, { create: true });
  await project.addDataset({ path: join(folder, 'd.jsonl'), format: 'openai' });
});
afterAll(async () => {
  await project.close();
  rmSync(folder, { recursive: true });
});

const ENDLESS =
  'samples a, samples b, samples c, samples d, samples e WHERE a.row + b.row + c.row + d.row + e.row = -1';

it.each([
  ['a query', (signal: AbortSignal) => querySql(project, `SELECT count(*) FROM ${ENDLESS}`, { signal })],
  [
    'a filter',
    (signal: AbortSignal) =>
      filterProject(project, { sql: `SELECT a.row FROM ${ENDLESS}`, out: join(folder, 'o.jsonl'), signal }),
  ],
])('an abort ends %s while its statement runs', async (_, run) => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 200);
  const began = performance.now();
  await expect(run(controller.signal)).rejects.toMatchObject({ name: 'AbortError' });
  expect(performance.now() - began).toBeLessThan(2200);
  expect((await querySql(project, 'SELECT count(*) FROM samples')).rows).toEqual([['300']]);
});

it('reads an answer block by block, as far as the limit', async () => {
  const sizes: number[] = [];
  const { more } = await streamSql(project, 'SELECT * FROM range(10000)', { limit: 5000 }, async ({ rows }) => {
    sizes.push(rows.length);
  });
  expect(more).toBe(true);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(2048);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(5000);
  expect(await querySql(project, 'SELECT 1 AS a WHERE false')).toEqual({ columns: ['a'], rows: [], more: false });
});

it('says that memory is what is missing', async () => {
  await expect(querySql(project, 'SELECT list(range) FROM range(1000000000)')).rejects.toMatchObject({
    code: 'SQL_MEMORY',
  });
});

it('gives every signal a view of its own', () => {
  const views = viewNames(['a-b', 'a.b', 'a_b', 'Loss', 'loss', 'samples', 'a-b']);
  expect(Object.fromEntries(views)).toEqual({
    a_b: 'a_b',
    'a-b': 'a_b_2',
    'a.b': 'a_b_3',
    Loss: 'Loss',
    loss: 'loss_2',
    samples: 'samples_2',
  });
});
