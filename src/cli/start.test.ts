import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { buildSync } from 'esbuild';
import { beforeAll, expect, it } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');
const LAUNCHER = path.join(ROOT, 'winnow');

beforeAll(() => {
  spawnSync(LAUNCHER, ['--version']);
});

it('loads commander and edit distance alone before a verb is known', () => {
  const { metafile } = buildSync({
    entryPoints: [path.join(ROOT, 'src/cli/main.ts')],
    outdir: path.join(ROOT, 'unwritten'),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    metafile: true,
    write: false,
  });
  const outputs = metafile.outputs;
  const eager = new Set<string>();
  const visit = (name: string): void => {
    for (const { path: target, kind, external } of outputs[name]?.imports ?? []) {
      if (kind !== 'import-statement' || eager.has(target)) continue;
      eager.add(target);
      if (external !== true) visit(target);
    }
  };
  visit(Object.keys(outputs).find((name) => outputs[name]?.entryPoint?.endsWith('src/cli/main.ts')) ?? '');
  const packages = [...eager].filter((name) => !/^[./]|^node:|^unwritten/.test(name));
  expect(packages.sort()).toEqual(['commander', 'fastest-levenshtein']);
});

it('prints its help within 150 ms', () => {
  const bare = fastest(['-e', '0']);
  // On a machine where Node alone needs longer than usual (busy or slow), the allowance grows with it.
  expect(fastest([LAUNCHER, '--help'])).toBeLessThan(Math.max(150, 2.5 * bare));
});

/** Milliseconds of the fastest of ten starts: what others do on the machine only ever adds. */
function fastest(args: string[]): number {
  const times = Array.from({ length: 10 }, () => {
    const begun = performance.now();
    const { status } = spawnSync(process.execPath, args, { stdio: 'ignore' });
    expect(status).toBe(0);
    return performance.now() - begun;
  });
  return Math.min(...times);
}
