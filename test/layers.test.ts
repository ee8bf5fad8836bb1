import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';

const CHECKER = path.resolve(import.meta.dirname, '../scripts/check-layers.mjs');

/** Runs the checker on sources made up for one test. */
function check(files: Record<string, string>): { status: number | null; stdout: string } {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'winnow-layers-'));
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), text);
  }
  const result = spawnSync(process.execPath, [CHECKER, folder], { encoding: 'utf8' });
  fs.rmSync(folder, { recursive: true });
  return result;
}

const LOWER = { 'dataset/a.ts': 'export const a = 1;\n', 'numeric/n.ts': 'export const n = 1;\n' };

it('accepts imports that point down, in every form, and whatever tests do', () => {
  const result = check({
    ...LOWER,
    'select/b.ts': [
      "import fs from 'node:fs';",
      "import type { InferenceSession } from 'onnxruntime-node';",
      "import { a } from '../dataset/a.ts';",
      "export * from '../numeric/n.ts';",
      "const load = async () => await import('sharp');",
      "// import { x } from '../cli/main.ts';",
      "/* import('../cli/main.ts') */",
      "const url = 'https://x.y'; const s = await import('../dataset/a.ts');",
    ].join('\n'),
    'select/b.test.ts': "import { main } from '../cli/main.ts';\nimport sharp from 'sharp';\n",
    'cli/main.ts': "export const main = (await import('../select/b.ts')).b;\n",
    'index.ts': "export { b } from './select/b.ts';\n",
  });
  expect(result.stdout).toBe('5 files, 0 faults\n');
  expect(result.status).toBe(0);
});

it.each([
  [
    'upwards',
    { 'numeric/n.ts': "import { a } from '../dataset/a.ts';" },
    'numeric/n.ts:1: `numeric` may not import `dataset`',
  ],
  [
    'upwards by type',
    { 'numeric/m.ts': "\nimport type { A } from '../dataset/a.ts';" },
    'numeric/m.ts:2: `numeric` may not',
  ],
  [
    'upwards by import()',
    { 'numeric/m.ts': "const x = () => import('../dataset/a.ts');" },
    '`numeric` may not import `dataset`',
  ],
  [
    'upwards in a type',
    { 'numeric/m.ts': "type A = import('../dataset/a.ts').A;" },
    '`numeric` may not import `dataset`',
  ],
  [
    'upwards by export',
    { 'numeric/m.ts': "export type {\n  A,\n} from '../dataset/a.ts';" },
    '`numeric` may not import `dataset`',
  ],
  [
    'to a neighbour',
    { 'models/m.ts': "import '../worker/w.ts';", 'worker/w.ts': '' },
    '`models` may not import `worker`',
  ],
  [
    'to a neighbour',
    { 'select/s.ts': "import { t } from '../train/t.ts';", 'train/t.ts': '' },
    '`select` may not import `train`',
  ],
  ['to the public API', { 'cli/c.ts': "import { s } from '../index.ts';", 'index.ts': '' }, 'stands above all rooms'],
  ['of the package itself', { 'cli/c.ts': "import { s } from 'winnow-vlm';" }, 'imports the package itself'],
  ['out of the sources', { 'cli/c.ts': "import { s } from '../../scripts/x.ts';" }, 'reaches out of the sources'],
  ['that is computed', { 'cli/c.ts': 'const x = (name: string) => import(name);' }, 'computed import()'],
  ['from an unlisted room', { 'utils/u.ts': 'export const u = 1;' }, 'room `utils` is not listed'],
  ['from an unlisted file', { 'helpers.ts': 'export const u = 1;' }, 'room `helpers` is not listed'],
  ['of a heavy package', { 'models/m.ts': "import sharp from 'sharp';" }, '`sharp` is loaded at module top'],
  ['of a heavy package', { 'models/m.ts': "import { type A } from 'onnxruntime-node';" }, 'is loaded at module top'],
  ['of a heavy package', { 'store/m.ts': "export * from '@duckdb/node-api';" }, 'is loaded at module top'],
] as const)('refuses an import %s %j', (_name, planted, expected) => {
  const result = check({ ...LOWER, ...planted });
  expect(result.stdout).toContain(expected);
  expect(result.stdout).toMatch(/\b1 faults\n$/);
  expect(result.status).toBe(1);
});

it('finds a circle of files within a room, also through types and import()', () => {
  const result = check({
    'numeric/a.ts': "import type { B } from './b.ts';",
    'numeric/b.ts': "export { c } from './c.ts';",
    'numeric/c.ts': "const load = () => import('./a.ts');",
    'numeric/d.ts': "import './a.ts';",
  });
  expect(result.stdout).toContain('circle: numeric/a.ts -> numeric/b.ts -> numeric/c.ts -> numeric/a.ts');
  expect(result.stdout).toMatch(/4 files, 1 faults\n$/);
  expect(result.status).toBe(1);
});

it('fails on a folder without sources rather than pass on nothing', () => {
  expect(check({ 'readme.txt': '' }).status).toBe(1);
});
