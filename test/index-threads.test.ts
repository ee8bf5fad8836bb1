import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openDataset } from '../src/dataset/open/open.ts';

/**
 * A large file is read on several threads by the built code, and on one by the sources: the index is the same to the
 * byte.
 */
const ROOT = path.resolve(import.meta.dirname, '..');
const ROWS = 18_000;
const FILLER = 'The kite is above the "bench".\n'.repeat(60);
vi.setConfig({ testTimeout: 120_000, hookTimeout: 240_000 });

let work = '';
beforeAll(() => {
  const built = spawnSync(path.join(ROOT, 'winnow'), ['--version'], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(built.stderr);
  work = fs.mkdtempSync(path.join(os.tmpdir(), 'winnow-threads-'));
}, 240_000);
afterAll(() => fs.rmSync(work, { recursive: true, force: true }));

/** Rows of three sources; ids that are missing or stand twice, rows that fit no sample, text outside of ASCII. */
function record(row: number): string {
  const id = row % 7 === 0 ? {} : { id: `row-${row % 9000}` };
  const image = row % 11 === 0 ? {} : { image: `${['coco', 'gqa', 'vg'][row % 3]}/${row}.jpg` };
  const tag = row % 11 === 0 || row % 1000 === 999 ? '' : '<image>\n';
  const turns = [
    { from: 'human', value: `${tag}What is in number ${row}?` },
    { from: 'gpt', value: row % 13 === 0 ? `Größe ☃ ${row}` : FILLER },
  ];
  return JSON.stringify({ ...id, ...image, conversations: turns });
}

const records = Array.from({ length: ROWS }, (_, row) => record(row));
const cut = records.with(9000, records[9000]!.slice(0, -8));
const files: Record<string, () => string> = {
  'array.json': () => `[\n${records.join(',\n')}\n]\n`,
  'lines.jsonl': () => `${cut.join('\n')}\n`,
  'damaged-array.json': () => `[\n${cut.join(',\n')}\n]\n`,
};

it.each(Object.keys(files))('indexes %s as one thread does', async (name) => {
  const file = path.join(work, name);
  fs.writeFileSync(file, files[name]!());
  const project = path.join(work, `${name}-project`);
  const run = spawnSync(process.execPath, [path.join(ROOT, 'bin/winnow.js'), '-C', project, 'import', file, '--json']);
  expect(run.status).toBe(0);
  const cacheDir = path.join(work, `${name}-here`);
  const dataset = await openDataset(file, { cacheDir });
  await dataset.close();
  expect(dataset.quarantined.length).toBeGreaterThan(10);
  const [index] = fs.readdirSync(cacheDir);
  const threads = fs.readFileSync(path.join(project, '.winnow/indexes', index!));
  expect(threads.equals(fs.readFileSync(path.join(cacheDir, index!)))).toBe(true);
});
