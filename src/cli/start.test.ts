import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
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

it('prints its help within 150 ms of processor time', () => {
  const bare = least(['-e', '0']);
  // On a machine where Node alone needs longer than usual, the allowance grows with it.
  expect(least([LAUNCHER, '--help'])).toBeLessThan(Math.max(150, 2.5 * bare));
});

/** Processor time of the cheapest of ten starts, milliseconds: the clock would tell of what else the machine does. */
function least(args: string[]): number {
  const report = 'process.on("exit",()=>require("fs").writeSync(3,JSON.stringify(process.cpuUsage())))';
  const preload = path.join(mkdtempSync(path.join(tmpdir(), 'winnow-start-')), 'report.cjs');
  writeFileSync(preload, report);
  const times = Array.from({ length: 10 }, () => {
    const { status, output } = spawnSync(process.execPath, ['--require', preload, ...args], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    });
    expect(status).toBe(0);
    const { user, system } = JSON.parse(output[3] ?? '') as NodeJS.CpuUsage;
    return (user + system) / 1000;
  });
  rmSync(path.dirname(preload), { recursive: true });
  return Math.min(...times);
}
