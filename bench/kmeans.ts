/**
 * k-means against faiss-cpu and scikit-learn on the same rows at equal iterations: `node scripts/bench.mjs kmeans [REPEATS]`.
 * The peers live in an environment of their own under bench/out/, made on the first run. Contestants take turns.
 */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readSync, statSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { kmeans } from '../src/numeric/kmeans.ts';
import type { Matrix } from '../src/numeric/matrix.ts';

const CASES = [
  { rows: 100_000, width: 384, k: 1000, iterations: 20 },
  { rows: 665_000, width: 384, k: 20, iterations: 20 },
];
const PEERS = ['faiss-cpu==1.15.1', 'scikit-learn==1.9.1', 'numpy==2.4.6'];
const OUT = resolve('bench/out');
const VENV = join(OUT, 'kmeans-venv');
const PYTHON = join(VENV, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
const MOST_FAISS_TIMES = 1.5;
const MOST_INERTIA = 1.01;

interface Run {
  seconds: number;
  inertia: number;
  iterations: number;
}

/** The peers' process: one request a line, one answer a line. */
function openPeer(): { ask(request: string): Promise<Record<string, unknown>>; close(): void } {
  const peer: ChildProcessWithoutNullStreams = spawn(PYTHON, ['bench/kmeans_peer.py']);
  peer.stderr.pipe(process.stderr);
  const lines = createInterface(peer.stdout)[Symbol.asyncIterator]();
  return {
    async ask(request) {
      if (request !== '') peer.stdin.write(`${request}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error('the process of the peers ended');
      return JSON.parse(value) as Record<string, unknown>;
    },
    close: () => peer.stdin.end(),
  };
}

function makeEnvironment(): void {
  if (existsSync(PYTHON)) return;
  process.stderr.write(`making ${VENV} ...\n`);
  execFileSync(process.env.WINNOW_PYTHON ?? 'python3', ['-m', 'venv', VENV]);
  execFileSync(PYTHON, ['-m', 'pip', 'install', '--quiet', ...PEERS], { stdio: ['ignore', 'inherit', 'inherit'] });
}

function readMatrix(path: string, rows: number, width: number): Matrix {
  const data = new Float32Array(rows * width);
  const bytes = new Uint8Array(data.buffer);
  const file = openSync(path, 'r');
  for (let at = 0; at < bytes.length; ) at += readSync(file, bytes, at, Math.min(1 << 28, bytes.length - at), at);
  closeSync(file);
  return { data, rows, width };
}

/** Sum of squared distances in double precision, computed for all contestants in the same way. */
function inertiaOf({ data, width }: Matrix, centroids: Float32Array, labels: Int32Array): number {
  let sum = 0;
  labels.forEach((label, row) => {
    for (let t = 0; t < width; t++) sum += (data[row * width + t]! - centroids[label * width + t]!) ** 2;
  });
  return sum;
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

function describe(name: string, runs: Run[]): string {
  const seconds = runs.map((run) => run.seconds);
  const range = `${Math.min(...seconds).toFixed(2)} to ${Math.max(...seconds).toFixed(2)}`;
  const inertia = median(runs.map((run) => run.inertia));
  const iterations = [...new Set(runs.map((run) => run.iterations))].join('/');
  return `  ${name.padEnd(8)} ${median(seconds).toFixed(2).padStart(7)} s (${range})  inertia ${inertia.toFixed(1)}  iterations ${iterations}`;
}

const repeats = Number(process.argv[2] ?? 5);
mkdirSync(OUT, { recursive: true });
makeEnvironment();
const peer = openPeer();
const versions = await peer.ask('');
console.log(`machine: ${cpus()[0]?.model}, ${availableParallelism()} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB`);
console.log(
  `load at the start: ${loadavg()[0]?.toFixed(1)}; node ${process.versions.node}; ${JSON.stringify(versions)}`,
);
console.log(
  'start: winnow k-means++ on 64 rows a centroid, faiss random rows, scikit-learn greedy k-means++; all rows used',
);

let isWithin = true;
for (const { rows, width, k, iterations } of CASES) {
  const path = join(OUT, `kmeans-${rows}x${width}.f32`);
  if (!existsSync(path) || statSync(path).size !== rows * width * 4) await peer.ask(`make ${path} ${rows} ${width} 1`);
  const points = readMatrix(path, rows, width);
  const runs: Record<'winnow' | 'faiss' | 'sklearn', Run[]> = { winnow: [], faiss: [], sklearn: [] };
  for (let repeat = 0; repeat < repeats; repeat++) {
    const seed = 42 + repeat;
    for (const name of ['faiss', 'sklearn'] as const) {
      runs[name].push(
        (await peer.ask(`${name} ${path} ${rows} ${width} ${k} ${iterations} ${seed}`)) as unknown as Run,
      );
    }
    const begun = performance.now();
    const ours = await kmeans(points, { k, niter: iterations, tolerance: 0, seed });
    const seconds = (performance.now() - begun) / 1000;
    runs.winnow.push({ seconds, inertia: inertiaOf(points, ours.centroids, ours.labels), iterations: ours.iterations });
  }
  const times = median(runs.winnow.map((run) => run.seconds)) / median(runs.faiss.map((run) => run.seconds));
  const best = Math.min(...[runs.faiss, runs.sklearn].map((of) => median(of.map((run) => run.inertia))));
  const inertia = median(runs.winnow.map((run) => run.inertia)) / best;
  isWithin &&= times <= MOST_FAISS_TIMES && inertia <= MOST_INERTIA;
  console.log(
    `\n${rows} x ${width}, k = ${k}, ${iterations} iterations, ${repeats} runs each, seconds with the final assignment`,
  );
  for (const [name, of] of Object.entries(runs)) console.log(describe(name, of));
  console.log(
    `  winnow takes ${times.toFixed(2)} of faiss's time (at most ${MOST_FAISS_TIMES}); inertia ${inertia.toFixed(4)} of the better peer's (at most ${MOST_INERTIA})`,
  );
}
peer.close();
console.log(
  `\npeak memory of winnow: ${(process.resourceUsage().maxRSS / 2 ** 20).toFixed(2)} GiB; load at the end: ${loadavg()[0]?.toFixed(1)}`,
);
console.log(isWithin ? 'within the bars' : 'NOT within the bars');
process.exitCode = isWithin ? 0 : 1;
