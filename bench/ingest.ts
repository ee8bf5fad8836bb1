/**
 * Reading a file of LLaVA's size and shape, 665,298 rows and 1 GB, against Python `datasets`: from the start of the
 * process to the first answered query (how many rows have no image, and one row from the middle), and the peak of
 * memory. Runs take turns, each with empty caches of its own; then 100 scattered rows from the saved index, and import
 * with status of 5 million short rows.
 *
 *     node scripts/bench.mjs ingest [--rows 665298] [--many 5000000] [--repeats 3] [--python PEER'S] [--save]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { inWords, machine, OUT, peerPython, runOnce, saveResults, spread } from './contest.ts';
import { LLAVA_ROWS, makeLlavaFile } from './llava-file.ts';

const PEERS = ['datasets==5.2.0'];
const LEAST_TIMES = 6;
const MOST_MEMORY = 0.1;
const MOST_SCATTERED_MS = 20;

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: String(LLAVA_ROWS) },
    many: { type: 'string', default: '5000000' },
    repeats: { type: 'string', default: '3' },
    python: { type: 'string' },
    save: { type: 'boolean', default: false },
  },
});
const rows = Number(values.rows);
const python = peerPython('ingest', PEERS, values.python);
const OURS = resolve('bench/ingest_ours.mjs');
const file = join(OUT, 'ingest', `llava-${rows}.json`);
const bytes = makeLlavaFile(file, rows);
const about = machine();

interface Run {
  seconds: number;
  megabytes: number;
  /** Seconds of all threads: says more than the clock on a busy machine. */
  processor: number;
  answer: string;
}

/** One run with a cache folder of its own, which is removed. */
function run(command: string, args: readonly string[]): Run & { said: Record<string, unknown> } {
  const cache = mkdtempSync(join(tmpdir(), 'winnow-ingest-'));
  try {
    const { seconds, said } = runOnce(command, [...args, cache]);
    const { megabytes, processor, answer } = said;
    return {
      seconds,
      megabytes: Number(megabytes),
      processor: Number(processor),
      answer: JSON.stringify(answer),
      said,
    };
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
}

const ours: Run[] = [];
const theirs: Run[] = [];
const scattered: number[] = [];
let versions: unknown;
for (let repeat = 0; repeat < Number(values.repeats); repeat++) {
  const peer = run(python, ['bench/ingest_peer.py', file]);
  const own = run(process.execPath, [OURS, 'query', file]);
  if (own.answer !== peer.answer) throw new Error(`different answers: ${own.answer}, ${peer.answer}`);
  versions = peer.said.versions;
  theirs.push(peer);
  ours.push(own);
  scattered.push(...(own.said.scattered as number[]));
  console.log(
    [own, peer]
      .map(({ seconds, processor, megabytes }, i) => {
        const numbers = `${seconds.toFixed(1)} s, ${processor.toFixed(1)} s of the processor, ${megabytes.toFixed(0)} MB`;
        return `${i === 0 ? 'winnow' : 'datasets'} ${numbers}`;
      })
      .join('; '),
  );
}
const pick = (runs: readonly Run[], what: 'seconds' | 'processor' | 'megabytes') =>
  spread(runs.map((one) => one[what]));
const costs = (runs: readonly Run[]) => ({
  seconds: pick(runs, 'seconds'),
  processor: pick(runs, 'processor'),
  megabytes: pick(runs, 'megabytes'),
});
const times = spread(ours.map((own, i) => theirs[i]!.seconds / own.seconds));
const memory = spread(ours.map((own, i) => own.megabytes / theirs[i]!.megabytes));
const many = Number(values.many);
const large = many > 0 ? join(OUT, 'ingest', `short-${many}.json`) : undefined;
const atScale = large === undefined ? undefined : manyRows(large);

/** Import and status of many short rows, each in a process of its own. */
function manyRows(path: string): Record<string, number> {
  const size = makeLlavaFile(path, many, 'short');
  const project = mkdtempSync(join(tmpdir(), 'winnow-many-'));
  try {
    const imported = runOnce(process.execPath, [OURS, 'import', path, project]);
    const status = runOnce(process.execPath, [OURS, 'status', project]);
    return {
      rows: many,
      bytes: size,
      importSeconds: imported.seconds,
      importMegabytes: Number(imported.said.megabytes),
      statusSeconds: status.seconds,
      statusMegabytes: Number(status.said.megabytes),
    };
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
}

const results = {
  what: 'start of the process to the first answered query; each run with empty caches, contestants in turn',
  machine: about,
  versions,
  file: { rows, bytes },
  winnow: costs(ours),
  datasets: costs(theirs),
  timesAsFast: times,
  timesLessProcessor: spread(ours.map((own, i) => theirs[i]!.processor / own.processor)),
  shareOfMemory: memory,
  scattered100Milliseconds: spread(scattered),
  many: atScale,
};
const { winnow, datasets } = results;
console.log(`\n${rows} rows, ${(bytes / 1e6).toFixed(0)} MB; ${JSON.stringify({ ...about, ...(versions as object) })}`);
console.log(`winnow    ${inWords(winnow.seconds, 's')}, peak ${inWords(winnow.megabytes, 'MB', 0)}`);
console.log(`datasets  ${inWords(datasets.seconds, 's')}, peak ${inWords(datasets.megabytes, 'MB', 0)}`);
console.log(`times less time of the processor: ${inWords(results.timesLessProcessor, 'times')}`);
console.log(`times as fast, pair by pair: ${inWords(times, 'times')}; share of memory ${inWords(memory, '', 3)}`);
console.log(`100 scattered rows from the index: ${inWords(results.scattered100Milliseconds, 'ms', 1)}`);
if (atScale !== undefined) console.log(`${many} rows: ${JSON.stringify(atScale)}`);
if (values.save) saveResults('ingest', results);
const isWithin =
  times.median >= LEAST_TIMES &&
  memory.median <= MOST_MEMORY &&
  results.scattered100Milliseconds.median < MOST_SCATTERED_MS;
console.log(
  `${isWithin ? 'within' : 'NOT within'} the bars: ${LEAST_TIMES} times as fast, ${MOST_MEMORY} of the memory, ${MOST_SCATTERED_MS} ms`,
);
process.exitCode = isWithin ? 0 : 1;
