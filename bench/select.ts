/**
 * Selection from stored signals: `node scripts/bench.mjs select [--rows 665298] [--repeats 5] [--methods visnec,xmas]
 * [--growth] [--out NAME]`. Makes a pool of that many rows once. Two times of each method: selection alone (the project
 * is opened, shards are read, rows are chosen and given their reasons) and the whole command `winnow select` (start of
 * the program, 20 random subsets a kind and what is saved on top). `--growth` runs selection alone on 100,000 to
 * 1,000,000 rows; `--out` writes figures, and the curve of a growth, to bench/results/.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readInputs } from '../src/select/inputs/read-inputs.ts';
import { findSelector, parseOptions } from '../src/select/methods/find.ts';
import { openProject } from '../src/store/project.ts';
import { drawGrowth } from './selection/chart.ts';
import { INSTRUCTION_WIDTH, LLAVA_ROWS, LOSS_CHECKPOINTS, makePool, poolSignals } from './selection/pool.ts';
import { describe, machine, type Run, runProcess, runWinnow, type Summary, summarise } from './selection/run.ts';

interface Method {
  options: Record<string, string>;
  /** Most seconds of selection alone for the rows of LLaVA-665K on 2 cores. */
  most: number;
  about: string;
}

const METHODS: Record<string, Method> = {
  visnec: { options: {}, most: 15, about: `${INSTRUCTION_WIDTH} numbers a row, K = 20` },
  xmas: { options: {}, most: 20, about: 'T = 7, k = 1,000' },
  s2l: { options: {}, most: 60, about: `T = ${LOSS_CHECKPOINTS}, k = 100 a source` },
  top: { options: { column: 'necessity_masked' }, most: 1, about: 'top-k' },
  el2n: { options: {}, most: 1, about: 'top-k' },
  aum: { options: {}, most: 1, about: 'top-k' },
  'clip-score': { options: {}, most: 1, about: 'top-k' },
  'mid-ppl': { options: {}, most: 1, about: 'top-k' },
};
const GROWTH = [100_000, 200_000, 400_000, LLAVA_ROWS, 1_000_000];
const SHARE = 0.15;
const SEED = 42;

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: String(LLAVA_ROWS) },
    repeats: { type: 'string', default: '5' },
    methods: { type: 'string', default: Object.keys(METHODS).join(',') },
    growth: { type: 'boolean', default: false },
    out: { type: 'string' },
    // What the child processes are told.
    alone: { type: 'string' },
  },
});

const folderOf = (rows: number): string => join(resolve('bench/out'), `pool-${rows}`);

/** Selection alone, in a process of its own: prints its seconds. */
async function selectAlone(name: string, rows: number): Promise<void> {
  const began = performance.now();
  await using project = await openProject(folderOf(rows));
  const selector = findSelector(name);
  const options = parseOptions(selector, METHODS[name]!.options);
  const dataset = await project.dataset();
  const { input } = await readInputs(project, dataset, selector.needs(options));
  const read = performance.now();
  const { kept } = await selector.select(input, options, {
    budget: Math.floor(SHARE * rows),
    fraction: SHARE,
    seed: SEED,
  });
  const done = performance.now();
  const document = { seconds: (done - began) / 1000, reading: (read - began) / 1000, kept: kept.length };
  process.stdout.write(JSON.stringify(document));
}

interface Figures {
  /** Selection alone; `reading` of it goes into the project's index and shards. */
  alone: Summary & { reading: number };
  /** `winnow select` from start to end; not in a growth. */
  command?: Summary;
}

async function measure(
  rows: number,
  methods: readonly string[],
  repeats: number,
  withCommand: boolean,
): Promise<Record<string, Figures>> {
  const folder = folderOf(rows);
  await makePool(folder, rows, poolSignals);
  const alone: Record<string, (Run & { reading: number })[]> = {};
  const command: Record<string, Run[]> = {};
  // Methods take turns, so that a busy moment falls on all of them; the first turn fills the caches of the disk.
  for (let turn = withCommand ? -1 : 0; turn < repeats; turn++) {
    for (const name of methods) {
      const { document, ...used } = runProcess([process.argv[1]!, '--alone', name, '--rows', String(rows)]);
      const { seconds, reading } = document as { seconds: number; reading: number };
      if (turn >= 0) alone[name] = [...(alone[name] ?? []), { ...used, seconds, reading }];
      if (!withCommand) continue;
      const options = Object.entries(METHODS[name]!.options).flatMap(([key, value]) => [`--${key}`, value]);
      const { document: _, ...whole } = runWinnow(['-C', folder, 'select', name, ...options, '--budget', '15%']);
      if (turn >= 0) command[name] = [...(command[name] ?? []), whole];
    }
  }
  return Object.fromEntries(
    methods.map((name) => {
      const reading = summarise(alone[name]!.map((run) => ({ ...run, seconds: run.reading }))).median;
      const whole = withCommand ? { command: summarise(command[name]!) } : {};
      return [name, { alone: { ...summarise(alone[name]!), reading }, ...whole }];
    }),
  );
}

async function main(): Promise<void> {
  const repeats = Number(values.repeats);
  const methods = values.methods.split(',');
  execFileSync(process.execPath, ['winnow', '--version'], { stdio: 'ignore' });
  const where = machine();
  console.log(
    `${where.processor}, ${where.cores} cores, ${where.memoryGiB} GiB, node ${where.node}, load ${where.load}`,
  );
  const results: Record<string, Record<string, Figures>> = {};
  let isWithin = true;
  for (const rows of values.growth ? GROWTH : [Number(values.rows)]) {
    const found = await measure(rows, methods, repeats, !values.growth);
    console.log(`\n${rows} rows, budget 15 %, ${repeats} runs each: median (least to most)`);
    for (const [name, { alone, command }] of Object.entries(found)) {
      results[name] = { ...results[name], [rows]: found[name]! };
      const { most, about } = METHODS[name]!;
      if (rows === LLAVA_ROWS && alone.median > most) isWithin = false;
      const bar = rows === LLAVA_ROWS ? `, bar ${most} s` : '';
      console.log(`  ${name} (${about})`);
      console.log(`    alone   ${describe(alone)}, reading ${alone.reading.toFixed(2)} s${bar}`);
      if (command !== undefined) console.log(`    command ${describe(command)}`);
    }
  }
  const load = machine().load;
  console.log(`\nload at the end ${load}; ${isWithin ? 'within' : 'NOT within'} the bars of ${LLAVA_ROWS} rows`);
  if (values.out !== undefined) {
    mkdirSync('bench/results', { recursive: true });
    const report = { machine: where, loadAtEnd: load, repeats, budget: SHARE, results };
    writeFileSync(`bench/results/${values.out}.json`, `${JSON.stringify(report, round, 1)}\n`);
    if (values.growth) writeFileSync(`bench/results/${values.out}.svg`, drawGrowth(results));
  }
  process.exitCode = isWithin ? 0 : 1;
}

function round(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(4)) : value;
}

if (values.alone === undefined) await main();
else await selectAlone(values.alone, Number(values.rows));
