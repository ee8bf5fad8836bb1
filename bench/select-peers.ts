/**
 * COINCIDE, SemDeDup and D2 against their published code on the same features:
 * `node scripts/bench.mjs select-peers [--rows 100000] [--repeats 5] [--coincide-width 640] [--hidden-width 512]
 * [--methods coincide,semdedup,d2] [--reference CLONE] [--out
 * NAME]`. Both are whole processes, from stored features to written rows, in turns. On the same clusters (D2: the same
 * graph) both must keep the same rows. The published code is fetched into bench/out/ and never becomes part of the
 * project.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Matrix, unitRows } from '../src/numeric/linalg/matrix.ts';
import { meanDirections } from '../src/select/methods/coincide/prune-clusters.ts';
import { forwardMessages, pickWithStandby } from '../src/select/methods/d2/message-passing.ts';
import { openProject } from '../src/store/project.ts';
import { type LoadedSelection, loadSelection } from '../src/store/selections.ts';
import { columnsNamed } from '../src/store/signals.ts';
import { readNpy, writeNpy } from './selection/npy.ts';
import { embeddingOf, type GeneratedSignal, makePool, poolSignals, type Row } from './selection/pool.ts';
import { makePython, makeReference, versionsOf } from './selection/reference.ts';
import { describe, machine, median, type Run, runWinnow, summarise } from './selection/run.ts';

const LEAST_RATIO = 3;
const MOST_GIB = 4;
const BUDGET = 0.2;
const NITER = 50;
/** As many rows a cluster as the published 10,000 of 665,298. */
const ROWS_PER_CLUSTER = 66;

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '100000' },
    repeats: { type: 'string', default: '5' },
    'coincide-width': { type: 'string', default: '640' },
    'hidden-width': { type: 'string', default: '512' },
    methods: { type: 'string', default: 'coincide,semdedup,d2' },
    reference: { type: 'string' },
    out: { type: 'string' },
  },
});
const rows = Number(values.rows);
const widths = { coincide: Number(values['coincide-width']), hidden: Number(values['hidden-width']) };
const k = Math.round(rows / ROWS_PER_CLUSTER);
const out = resolve('bench/out');
const folder = join(out, `peers-${rows}-${widths.coincide}-${widths.hidden}`);

function featureSignals(drawn: readonly Row[], seed: number): GeneratedSignal[] {
  const embedding = (name: keyof typeof widths, at: number): GeneratedSignal => ({
    name,
    shardRows: 512,
    columns: [
      { name, kind: 'f32', width: widths[name], measures: name, values: embeddingOf(drawn, widths[name], seed + at) },
    ],
  });
  const scores = poolSignals(drawn, seed).filter(({ name }) => name === 'token-scores');
  return [embedding('coincide', 1), embedding('hidden', 2), ...scores];
}

/** The same features as NumPy's files, as the published code wants them. */
async function readFeatures(): Promise<Record<'coincide' | 'hidden' | 'aum', Matrix>> {
  await using project = await openProject(folder);
  const { columns } = await columnsNamed(project, await project.dataset(), ['coincide', 'hidden', 'aum']);
  const matrix = (name: string): Matrix => {
    const { data, width } = columns[name] as { data: Float32Array; width: number };
    return { data, rows, width };
  };
  return { coincide: matrix('coincide'), hidden: matrix('hidden'), aum: matrix('aum') };
}

async function loaded(name: string): Promise<LoadedSelection> {
  await using project = await openProject(folder);
  return loadSelection(project, name);
}

const python = makePython(out);
execFileSync(process.execPath, ['winnow', '--version'], { stdio: 'ignore' });
const reference = makeReference(out, widths.coincide, values.reference);
const where = machine();
const versions = versionsOf(python);
console.log(`${where.processor}, ${where.cores} cores, ${where.memoryGiB} GiB, node ${where.node}, load ${where.load}`);
console.log(JSON.stringify(versions));
console.log(`published code as it is but for:\n  ${reference.patched.join('\n  ')}`);
await makePool(folder, rows, featureSignals);
const features = await readFeatures();
for (const [name, { data, width }] of Object.entries(features)) {
  writeNpy(join(folder, `${name}.npy`), data, name === 'aum' ? [rows] : [rows, width]);
}

/** One step of the published code, in a process of its own. */
function runPeer(...step: string[]): Run {
  const began = performance.now();
  const answer = execFileSync(python, ['bench/selection/peers.py', step[0]!, folder, ...step.slice(1)], {
    encoding: 'utf8',
    env: { ...process.env, PYTHONPATH: reference.folder, PYTHONDONTWRITEBYTECODE: '1' },
  });
  // faiss reports its progress on the same stream.
  return { ...(JSON.parse(answer.trim().split('\n').at(-1)!) as Run), seconds: (performance.now() - began) / 1000 };
}

function winnow(...args: string[]): Run {
  const { document: _, ...run } = runWinnow(['-C', folder, 'select', ...args, '--text-only', 'score']);
  return run;
}

interface Difference {
  differing: number;
  kept: number;
  /** Further rows that differ because the published code orders equal values otherwise than by row. */
  byTies?: number;
}

interface Method {
  about: string;
  winnow: () => Run;
  peer: () => Run;
  /** Rows that only one of the two keeps, from the same clusters or the same graph; of how many. */
  differ: () => Promise<Difference>;
}

const budget = ['--budget', `${100 * BUDGET}%`];
const clustering = ['--k', String(k), '--niter', String(NITER)];

/**
 * A folder for the published code, with the clusters of a selection of ours: labels, centroids, and how close each row
 * is to its own.
 */
function writeClusters(name: string, { clusters }: LoadedSelection, points: Matrix): string {
  const save = join(folder, `${name}-same`);
  rmSync(save, { recursive: true, force: true });
  mkdirSync(save);
  const members = Array.from({ length: Math.max(...new Set(clusters)) + 1 }, () => [] as number[]);
  clusters!.forEach((cluster, row) => {
    members[cluster]!.push(row);
  });
  const units = unitRows(points);
  const centroids = meanDirections(units, members);
  const { width } = units;
  const closeness = Float32Array.from(clusters!, (cluster, row) => {
    let dot = 0;
    for (let t = 0; t < width; t++) dot += units.data[row * width + t]! * centroids.data[cluster * width + t]!;
    return dot;
  });
  writeNpy(join(save, 'kmeans_centroids.npy'), centroids.data, [centroids.rows, width]);
  writeNpy(join(save, 'nearest_cent.npy'), BigInt64Array.from(clusters!, BigInt), [rows]);
  writeNpy(join(save, 'dist_to_cent.npy'), closeness, [rows]);
  return save;
}

function compare(ours: ArrayLike<number>, path: string): Difference {
  const mine = new Set(Array.from(ours));
  const theirs = new Set(Array.from(readNpy(path), Number));
  const differing =
    [...mine].filter((row) => !theirs.has(row)).length + [...theirs].filter((row) => !mine.has(row)).length;
  return { differing, kept: mine.size };
}

const METHODS: Record<string, Method> = {
  coincide: {
    about: `${widths.coincide} numbers a row (published: 20,480), k = ${k}, at most ${NITER} iterations`,
    winnow: () =>
      winnow('coincide', '--variant', 'official', ...clustering, ...budget, '--name', 'coincide', '--layers', '5'),
    peer: () => {
      rmSync(join(folder, 'coincide-out'), { recursive: true, force: true });
      return runPeer('coincide', String(k), String(NITER), String(BUDGET));
    },
    async differ() {
      const ours = await loaded('coincide');
      const save = writeClusters('coincide', ours, features.coincide);
      runPeer('coincide-prune', save, String(BUDGET));
      return compare(ours.kept, join(save, 'indices.npy'));
    },
  },
  semdedup: {
    about: `${widths.hidden} numbers a row, k = ${k}, at most ${NITER} iterations; published: three values of eps to choose from`,
    winnow: () => winnow('semdedup', '--variant', 'chain', ...clustering, ...budget, '--name', 'semdedup'),
    peer: () => {
      rmSync(join(folder, 'semdedup-out'), { recursive: true, force: true });
      const around = [-0.001, 0, 0.001].map((step) => String(eps + step));
      return runPeer('semdedup', String(k), String(NITER), String(BUDGET), ...around);
    },
    async differ() {
      winnow(
        'semdedup',
        '--variant',
        'chain',
        ...clustering,
        '--eps',
        String(eps),
        '--budget',
        '100%',
        '--name',
        'kept',
      );
      const ours = await loaded('kept');
      const save = writeClusters('semdedup', ours, features.hidden);
      runPeer('semdedup-clusters', save, String(eps), String(ours.kept.length));
      return compare(ours.kept, join(save, 'indices.npy'));
    },
  },
  d2: {
    about: `${widths.hidden} numbers a row, 5 neighbours, gamma 0.4; published: product-quantised search`,
    winnow: () => winnow('d2', '--variant', 'standby', ...budget, '--name', 'd2'),
    peer: () => {
      rmSync(join(folder, 'd2-out'), { recursive: true, force: true });
      return runPeer('d2', String(BUDGET));
    },
    async differ() {
      const save = join(folder, 'd2-out');
      const squares = Float64Array.from(readNpy(join(save, 'distances.npy')), Number);
      const graph = { k: 5, rows: readNpy(join(save, 'neighbours.npy')) as Int32Array, squares };
      const values = forwardMessages(features.aum.data, graph);
      const ours = pickWithStandby(values, graph, 0.4, Math.floor(BUDGET * rows));
      runPeer('d2-ties', String(BUDGET));
      const same = compare(ours, join(save, 'indices-ties.npy'));
      return { ...same, byTies: compare(ours, join(save, 'indices.npy')).differing - same.differing };
    },
  },
};

/** The eps that keeps a little more than the budget: the published way is to try by hand. */
async function findEps(): Promise<number> {
  winnow('semdedup', '--variant', 'chain', ...clustering, ...budget, '--name', 'semdedup');
  const { reasons } = await loaded('semdedup');
  return 1 - Math.max(...new Set(reasons.filter(({ kept }) => kept).map(({ score }) => score ?? 0)));
}

const chosen = values.methods.split(',');
const eps = chosen.includes('semdedup') ? await findEps() : 0;
const results: Record<string, unknown> = {};
let isWithin = true;
for (const name of chosen) {
  const method = METHODS[name]!;
  const ours: Run[] = [];
  const theirs: Run[] = [];
  for (let turn = 0; turn < Number(values.repeats); turn++) {
    theirs.push(method.peer());
    ours.push(method.winnow());
  }
  const { differing, kept, byTies = 0 } = await method.differ();
  const ratios = theirs.map((run, i) => run.seconds / ours[i]!.seconds);
  const cpuRatio = median(theirs.map((run, i) => run.cpu / ours[i]!.cpu));
  const summary = { winnow: summarise(ours), published: summarise(theirs) };
  const ratio = { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios), cpu: cpuRatio };
  results[name] = { about: method.about, ...summary, ratio, differing, byTies, kept };
  if (ratio.median < LEAST_RATIO || differing > 0 || summary.winnow.peakMiB > MOST_GIB * 1024) isWithin = false;
  console.log(`\n${name}, ${rows} rows, ${method.about}`);
  console.log(`  winnow    ${describe(summary.winnow)}`);
  console.log(`  published ${describe(summary.published)}`);
  console.log(
    `  ${ratio.median.toFixed(1)} times as fast (${ratio.least.toFixed(1)} to ${ratio.most.toFixed(1)}; by processor time ${cpuRatio.toFixed(1)}); from the same clusters or graph ${differing} of ${kept} rows differ${byTies > 0 ? `, and ${byTies} by the order of equal values` : ''}`,
  );
}
const loadAtEnd = machine().load;
console.log(
  `\nload at the end ${loadAtEnd}; ${isWithin ? 'within' : 'NOT within'} the bars: ${LEAST_RATIO} times as fast, the same rows, at most ${MOST_GIB} GiB`,
);
if (values.out !== undefined) {
  mkdirSync('bench/results', { recursive: true });
  const report = {
    machine: where,
    versions,
    loadAtEnd,
    rows,
    repeats: Number(values.repeats),
    budget: BUDGET,
    results,
  };
  const round = (_key: string, value: unknown): unknown =>
    typeof value === 'number' ? Number(value.toPrecision(4)) : value;
  writeFileSync(`bench/results/${values.out}.json`, `${JSON.stringify(report, round, 1)}\n`);
}
process.exitCode = isWithin ? 0 : 1;
