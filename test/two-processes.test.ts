import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { build, type Ran, shardsOf, winnow, writeData } from './stress.ts';

/** Real processes at work on one project at the same time. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 240_000 });
let work = '';
let data = '';

beforeAll(async () => {
  build();
  work = fs.mkdtempSync(path.join(os.tmpdir(), 'winnow-two-'));
  data = path.join(work, 'data');
  await writeData(data, 1_200);
});
afterAll(() => fs.rmSync(work, { recursive: true, force: true }));

async function project(name: string): Promise<string> {
  const folder = path.join(work, name);
  fs.mkdirSync(folder);
  if (name !== 'empty') good(await winnow(folder, ['import', path.join(data, 'data.json'), '--json']));
  return folder;
}

function good(ran: Ran): Record<string, unknown> {
  expect(ran).toMatchObject({ status: 0 });
  return JSON.parse(ran.stdout) as Record<string, unknown>;
}

it('two that score one signal share its shards: each is computed once', async () => {
  const folder = await project('score');
  const ran = await Promise.all([1, 2].map(() => winnow(folder, ['score', 'loss', '--json', '-q'])));
  const computed = ran.map((one) => good(one).rowsComputed as number);
  expect(computed[0]! + computed[1]!).toBe(1_200);
  expect(shardsOf(folder, 'loss')).toHaveLength(3);
  expect(fs.readdirSync(path.join(folder, '.winnow/locks'))).toEqual([]);
  expect(good(await winnow(folder, ['score', 'loss', '--json', '-q']))).toMatchObject({ rowsComputed: 0 });
});

it('one that is killed leaves its shard to the other at once', async () => {
  const folder = await project('killed');
  const first = spawn(
    process.execPath,
    [path.resolve(import.meta.dirname, '../bin/winnow.js'), 'score', 'loss', '-q'],
    {
      cwd: folder,
      stdio: 'ignore',
    },
  );
  const locks = path.join(folder, '.winnow/locks');
  while (!fs.existsSync(locks) || fs.readdirSync(locks).length === 0) await sleep(5);
  const second = winnow(folder, ['score', 'loss', '--json', '-q']);
  await sleep(600);
  first.kill('SIGKILL');
  const began = performance.now();
  expect(good(await second).rows).toBe(1_200);
  expect(performance.now() - began).toBeLessThan(20_000);
  expect(shardsOf(folder, 'loss')).toHaveLength(3);
  expect(fs.readdirSync(locks)).toEqual([]);
});

it('selecting, status and sql work while another scores', async () => {
  const folder = await project('select');
  const scoring = winnow(folder, ['score', 'loss', '--json', '-q']);
  const beside = await Promise.all([
    winnow(folder, ['select', 'random', '-b', '10%', '--json', '-q']),
    winnow(folder, ['status', '--json']),
    winnow(folder, ['sql', 'SELECT count(*) AS n FROM samples', '--json', '-q']),
  ]);
  for (const one of [...beside, await scoring]) good(one);
  expect(good(await winnow(folder, ['select', 'visnec', '-b', '10%', '--k', '4', '--json', '-q'])).returned).toBe(120);
});

it('selections of one name leave one that is whole', async () => {
  const folder = await project('same');
  const seeds = ['1', '2', '3', '4'];
  await Promise.all(
    seeds.map((seed) => winnow(folder, ['select', 'random', '-b', '50', '-n', 'mine', '--seed', seed, '-q'])),
  );
  const told = good(await winnow(folder, ['explain', 's-3', '--selection', 'mine', '--json', '-q']));
  expect(told).toBeDefined();
  expect(fs.readdirSync(path.join(folder, '.winnow/selections')).sort()).toHaveLength(2);
});

it('imports into one new project lose no data set and no line of the lineage', async () => {
  const folder = await project('empty');
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  const bad = path.join(work, 'bad.json');
  fs.writeFileSync(bad, '[{"a": 1}]');
  const ran = await Promise.all([
    ...names.map((name) => winnow(folder, ['import', path.join(data, 'data.json'), '--name', name, '--json', '-q'])),
    winnow(folder, ['import', bad, '-q']),
  ]);
  expect(ran.map(({ status }) => status)).toEqual([0, 0, 0, 0, 0, 0, 1]);
  const yaml = fs.readFileSync(path.join(folder, 'winnow.yaml'), 'utf8');
  expect([...yaml.matchAll(/name: (\w)/g)].map(([, name]) => name).sort()).toEqual(names);
  const lines = fs.readFileSync(path.join(folder, '.winnow/lineage.jsonl'), 'utf8').trim().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { name: string }).name).sort()).toEqual(names);
});
