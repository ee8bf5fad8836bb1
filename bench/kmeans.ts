/**
 * k-means against faiss-cpu and scikit-learn on the same rows at equal iterations:
 * `node scripts/bench.mjs kmeans [--repeats 5] [--peers faiss,sklearn] [--threads 2]`. The peers live in an environment
 * of their own under bench/out/, made on the first run. Contestants take turns.
 */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readSync, statSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { kmeans } from '../src/numeric/kmeans/kmeans.ts';
import type { Matrix } from '../src/numeric/linalg/matrix.ts';

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
  /** Processor time of all threads: says more than seconds on a busy machine. */
  cpu: number;
  inertia: number;
  iterations: number;
}

/** The peers' process: one request a line, one answer a line. */
function openPeer(): { ask(request: string): Promise<Record<string, unknown>>; close(): void } {
  const peer: ChildProcessWithoutNullStreams = spawn(PYTHON, ['bench/kmeans_peer.py'], {
    env: { ...process.env, OMP_NUM_THREADS: String(threads), OPENBLAS_NUM_THREADS: String(threads) },
  });
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
  return `  ${name.padEnd(8)} ${median(seconds).toFixed(2).padStart(7)} s (${range})  cpu ${median(runs.map((run) => run.cpu)).toFixed(2)} s  inertia ${inertia.toFixed(1)}  iterations ${iterations}`;
}

const { values } = parseArgs({
  options: {
    repeats: { type: 'string', default: '5' },
    peers: { type: 'string', default: 'faiss,sklearn' },
    threads: { type: 'string', default: String(availableParallelism()) },
  },
});
const repeats = Number(values.repeats);
const threads = Number(values.threads);
const peers = values.peers.split(',');
mkdirSync(OUT, { recursive: true });
makeEnvironment();
const peer = openPeer();
const versions = await peer.ask('');
console.log(`machine: ${cpus()[0]?.model}, ${availableParallelism()} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB`);
console.log(
  `load at the start: ${loadavg()[0]?.toFixed(1)}; node ${process.versions.node}; ${JSON.stringify(versions)}`,
);
console.log(
  'start: winnow greedy k-means++ on 16 rows a centroid, faiss random rows, scikit-learn greedy k-means++; all rows used',
);

let isWithin = true;
for (const { rows, width, k, iterations } of CASES) {
  const path = join(OUT, `kmeans-${rows}x${width}.f32`);
  if (!existsSync(path) || statSync(path).size !== rows * width * 4) await peer.ask(`make ${path} ${rows} ${width} 1`);
  const points = readMatrix(path, rows, width);
  const winnow: Run[] = [];
  const others = new Map<string, Run[]>(peers.map((name) => [name, []]));
  for (let repeat = 0; repeat < repeats; repeat++) {
    const seed = 42 + repeat;
    for (const [name, runs] of others) {
      runs.push((await peer.ask(`${name} ${path} ${rows} ${width} ${k} ${iterations} ${seed}`)) as unknown as Run);
    }
    const before = process.cpuUsage();
    const begun = performance.now();
    const ours = await kmeans(points, { k, niter: iterations, tolerance: 0, seed, threads });
    const seconds = (performance.now() - begun) / 1000;
    const used = process.cpuUsage(before);
    const cpu = (used.user + used.system) / 1e6;
    winnow.push({ seconds, cpu, inertia: inertiaOf(points, ours.centroids, ours.labels), iterations: ours.iterations });
  }
  console.log(
    `\n${rows} x ${width}, k = ${k}, ${iterations} iterations, ${repeats} runs each; with the final assignment`,
  );
  for (const [name, runs] of [['winnow', winnow] as const, ...others]) console.log(describe(name, runs));
  for (const [name, runs] of others) {
    const times = median(winnow.map((run) => run.seconds)) / median(runs.map((run) => run.seconds));
    const cpu = median(winnow.map((run) => run.cpu)) / median(runs.map((run) => run.cpu));
    const inertia = median(winnow.map((run) => run.inertia)) / median(runs.map((run) => run.inertia));
    console.log(
      `  against ${name}: ${times.toFixed(2)} of its time (${cpu.toFixed(2)} of its processor time), ${inertia.toFixed(4)} of its inertia`,
    );
    if (inertia > MOST_INERTIA || (name === 'faiss' && times > MOST_FAISS_TIMES)) isWithin = false;
  }
}
peer.close();
console.log(
  `\npeak memory of winnow: ${(process.resourceUsage().maxRSS / 2 ** 20).toFixed(2)} GiB; load at the end: ${loadavg()[0]?.toFixed(1)}`,
);
console.log(
  `${isWithin ? 'within' : 'NOT within'} the bars: at most ${MOST_FAISS_TIMES} of faiss's time, ${MOST_INERTIA} of the inertia`,
);
process.exitCode = isWithin ? 0 : 1;
