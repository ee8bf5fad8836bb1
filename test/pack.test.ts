import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, it } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '..');

it('the package holds what runs, and nothing else', () => {
  spawnSync(path.join(ROOT, 'winnow'), ['--version']);
  const packed = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: ROOT, encoding: 'utf8' });
  const [{ files }] = JSON.parse(packed.stdout) as [{ files: { path: string }[] }];
  const names = files.map((file) => file.path);
  for (const needed of [
    'package.json',
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
    'bin/winnow.js',
    'schema/winnow.schema.json',
    'dist/index.js',
    'dist/index.d.ts',
    'dist/cli/main.js',
    'worker/pyproject.toml',
    'worker/winnow_worker/__init__.py',
  ]) {
    expect(names).toContain(needed);
  }
  for (const folder of ['models/', 'examples/']) expect(names.some((name) => name.startsWith(folder))).toBe(true);
  const unwanted =
    /\.test\.|(^|\/)(node_modules|tests?|testing|goldens|fixtures|\.venv|__pycache__|\.setup|winnow-demo)\/|\.(tsbuildinfo|map|pyc|tgz)$|^(src|bench|scripts)\//;
  expect(names.filter((name) => unwanted.test(name))).toEqual([]);
});
