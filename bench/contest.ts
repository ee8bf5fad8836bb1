import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** Where benchmarks keep what they make; not committed. */
export const OUT = resolve('bench/out');

/**
 * The Python of an environment under bench/out/, made on the first run with these packages. `given`: another one to
 * use.
 */
export function peerPython(name: string, packages: readonly string[], given?: string): string {
  if (given !== undefined) return resolve(given);
  const folder = join(OUT, `${name}-venv`);
  const python = join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  if (existsSync(python)) return python;
  process.stderr.write(`making ${folder} ...\n`);
  execFileSync(process.env.WINNOW_PYTHON ?? 'python3', ['-m', 'venv', folder]);
  execFileSync(python, ['-m', 'pip', 'install', '--quiet', ...packages], { stdio: ['ignore', 'inherit', 'inherit'] });
  return python;
}

/** One contestant's run in a process of its own, its start included. It prints one JSON document as its last line. */
export function runOnce(command: string, args: readonly string[]): { seconds: number; said: Record<string, unknown> } {
  const began = performance.now();
  const { status, stdout, stderr } = spawnSync(command, [...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 1 << 28,
  });
  const seconds = (performance.now() - began) / 1000;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${stderr.slice(-2000)}`);
  return { seconds, said: JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<string, unknown> };
}

export interface Spread {
  median: number;
  least: number;
  most: number;
  runs: number;
}

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const median = (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
  return { median, least: sorted[0]!, most: sorted.at(-1)!, runs: sorted.length };
}

export function inWords({ median, least, most }: Spread, unit: string, digits = 2): string {
  return `${median.toFixed(digits)} ${unit} (${least.toFixed(digits)} to ${most.toFixed(digits)})`;
}

/** What the numbers were measured on. */
export function machine(): Record<string, string | number> {
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    loadAtStart: Number(loadavg()[0]!.toFixed(2)),
    node: process.versions.node,
    platform: process.platform,
  };
}

/** Keep the results of a run beside the benchmarks: `bench/results/<name>.json`. */
export function saveResults(name: string, results: object): void {
  const path = resolve('bench/results', `${name}.json`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(results, null, 2)}\n`);
  process.stderr.write(`wrote ${path}\n`);
}
