import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { WinnowError } from '../../base/errors.ts';
import { onCode } from '../../base/on-code.ts';
import type { Dataset } from '../../dataset/dataset.ts';
import { interval95, mean } from '../../numeric/statistics/statistics.ts';
import type { DrawLimits } from '../../select/baseline/draw-within.ts';
import { poolRows, type RandomSubsets, randomSubsets } from '../../select/baseline/random-subsets.ts';
import { embedWhereFree } from '../../select/inputs/free-embedding.ts';
import { fitOf } from '../../signals/fit/read.ts';
import type { Project } from '../../store/project.ts';
import { readTruth, type Truth } from '../truth.ts';
import { openAvailability, readinessOf } from './availability.ts';
import { type Choice, type ChooseContext, choose } from './choose.ts';
import { type Contestant, methodOf, needsOf } from './contestant.ts';
import { costOf } from './cost.ts';
import { commandOf, stagesOf } from './describe.ts';
import { doctorRows } from './doctor-rows.ts';
import { type Metrics, openMetrics } from './metrics.ts';
import { overlapTable } from './overlap-table.ts';
import { distanceFrom, drawNull, holm } from './permutation.ts';
import { type ArenaRequest, checkWhole, missingCost, openArena } from './plan.ts';
import { groupCounts, measure } from './quantities.ts';
import type { ArenaFailed, ArenaMethod, ArenaRandom, ArenaResult, Composition } from './result.ts';
import { uniquePicks } from './unique-picks.ts';

/** Random subsets of each kind. */
const SEEDS = 20;
/** Rows listed of what a method alone picked, and of what it alone dropped. */
const LISTED = 12;

interface Ran {
  contestant: Contestant;
  choice: Choice;
  reused: boolean;
}

/**
 * Runs every method whose columns the project has at one budget, and measures what they choose beside each other and
 * beside random subsets. A method that fails is listed with its error; what was chosen before under the same conditions
 * isn't chosen again.
 */
export async function runArena(project: Project, request: ArenaRequest): Promise<ArenaResult> {
  const { signal, progress } = request;
  const how = { signal, progress };
  const draws = request.draws ?? 1000;
  checkWhole('draws', draws, 20, 100_000);
  const opened = await openArena(project, request);
  const { dataset, reference, budget, cost, tokens, budgetInfo, seed, missing, assumptions } = opened;
  const truth = await truthOf(dataset.path, request.truth);
  const notes: string[] = [];
  for (const column of opened.free) notes.push((await embedWhereFree(project, dataset, column, how)) ?? '');
  const { about, input } = opened.inputs;
  const excluded = input.excluded ?? new Map<number, string>();
  if (excluded.size > 0) notes.push(setAside([...excluded.keys()], truth, dataset));
  const { ran, failed } = await runEntries(
    opened.ready.map(({ contestant }) => contestant),
    { project, dataset, reference, budget, cost, tokens, seed, blind: request.blind, excluded, ...how },
  );

  const pool = poolRows(dataset.rows, excluded);
  const limits =
    budgetInfo.cost === undefined ? undefined : costLimits(dataset.rows, budgetInfo.cost.limit, tokens!.tokens);
  const random = randomSubsets({
    rows: dataset.rows,
    budget: budgetInfo.requested,
    excluded,
    source: about.source,
    seeds: SEEDS,
    seed,
    limits,
  });
  const doctor = request.doctor === false ? [] : await doctorRows(project, dataset, how);
  const metrics = await openMetrics({ project, dataset, pool, source: about.source, doctor, truth, seed, ...how });
  const kept = ran.map(({ choice }) => Int32Array.from(choice.kept));
  const eligible = new Uint8Array(dataset.rows);
  for (const row of pool) eligible[row] = 1;
  const unique = uniquePicks(kept, eligible, LISTED);
  const distances = await distancesOf(metrics, pool, kept, draws, seed, how);
  const adjusted = holm(distances.map(({ p }) => p));
  const listed = (rows: readonly { row: number; votes: number }[]) =>
    rows.map(({ row, votes }) => ({ row, id: dataset.ids[row]!, votes, ...plantedIn(dataset.ids[row]!, truth) }));
  const spent = (rows: Int32Array): { tokens?: number } =>
    tokens === undefined ? {} : { tokens: rows.reduce((sum, row) => sum + tokens.tokens[row]!, 0) };
  const all = (columns: readonly string[]) => columns.map((column) => ({ column, rows: dataset.rows }));
  const asked = { ...request, budget: budget.text, seed, cost };
  const methods = ran.map(({ contestant, choice, reused }, m): ArenaMethod => {
    const { quantities, ...distance } = distances[m]!;
    const columns = needsOf(contestant);
    return {
      id: contestant.id,
      method: methodOf(contestant),
      title: contestant.title,
      stages: stagesOf(contestant, choice),
      sources: choice.sources,
      command: commandOf(contestant, asked),
      reused,
      requested: choice.requested,
      returned: choice.returned,
      kept: kept[m]!.length,
      ...spent(kept[m]!),
      ...(choice.shortfall === undefined ? {} : { shortfall: choice.shortfall }),
      notes: choice.notes,
      quantities,
      distance: { ...distance, adjusted: adjusted[m]! },
      shares: sharesOf(metrics, kept[m]!),
      uniquePicks: { ...unique[m]!, odd: listed(unique[m]!.odd), missed: listed(unique[m]!.missed) },
      cost: { columns, seconds: choice.seconds, bytes: choice.bytes, measuring: costOf(all(columns), assumptions) },
    };
  });
  return {
    dataset: dataset.name,
    fit: await fitOf(project, dataset, { blind: request.blind }),
    rows: dataset.rows,
    eligible: pool.length,
    ...budgetInfo,
    seed,
    draws,
    ...(reference === undefined ? {} : { reference: reference.name }),
    quantities: metrics.infos,
    compositions: compositionsOf(metrics, pool, random[0]!),
    methods,
    random: random.map((subsets) => describeRandom(metrics, subsets, spent)),
    overlap: overlapTable(
      methods.map(({ id }) => id),
      kept,
      random,
      dataset.rows,
      pool.length,
    ),
    missing,
    failed,
    missingCost: missingCost(missing, assumptions),
    assumptions,
    notes: notes.filter((note) => note !== ''),
  };
}

async function runEntries(
  contestants: readonly Contestant[],
  context: ChooseContext,
): Promise<{ ran: Ran[]; failed: ArenaFailed[] }> {
  const { project, dataset, reference, blind, signal, progress } = context;
  const pool = await openAvailability(project, dataset, blind, false);
  const other = reference === undefined ? undefined : await openAvailability(project, reference, blind, false);
  const ran: Ran[] = [];
  const failed: ArenaFailed[] = [];
  for (const [i, contestant] of contestants.entries()) {
    signal?.throwIfAborted();
    progress?.(i, contestants.length, `choosing: ${contestant.id}`);
    try {
      const { shards } = await readinessOf(contestant, pool, other);
      ran.push({ contestant, ...(await choose(contestant, shards, context)) });
    } catch (error) {
      signal?.throwIfAborted();
      failed.push({ id: contestant.id, method: methodOf(contestant), title: contestant.title, error: errorOf(error) });
    }
  }
  progress?.(contestants.length, contestants.length, 'choosing');
  return { ran, failed };
}

function errorOf(error: unknown): ArenaFailed['error'] {
  if (error instanceof WinnowError) {
    return { code: error.code, message: error.message, hint: error.hint };
  }
  return { code: 'SELECTOR_FAILED', message: error instanceof Error ? error.message : String(error) };
}

function plantedIn(id: string, truth: Truth | undefined): { planted?: string } {
  const key = truth?.rows[id]?.fault;
  const planted = truth?.faults.find((fault) => fault.key === key)?.title;
  return planted === undefined ? {} : { planted };
}

/** What no method can choose, so that it doesn't stand in any table. */
function setAside(rows: readonly number[], truth: Truth | undefined, dataset: Dataset): string {
  const planted =
    truth === undefined ? 0 : rows.filter((row) => truth.rows[dataset.ids[row]!]?.fault !== undefined).length;
  const which = planted === 0 ? '' : ` (${planted} of them planted)`;
  return `${rows.length} rows${which} could not be read or scored and can be chosen by no method.`;
}

/**
 * The truth that was named, else the one that lies beside the data set (where that is one: the name may be another's).
 */
async function truthOf(path: string, given: string | undefined) {
  if (given !== undefined) return readTruth(given);
  const beside = join(dirname(path), 'truth.json');
  return existsSync(beside) ? readTruth(beside).catch(onCode(['TRUTH_INVALID'], undefined)) : undefined;
}

async function distancesOf(
  { accumulator }: Metrics,
  pool: Int32Array,
  kept: readonly Int32Array[],
  draws: number,
  seed: number,
  how: Pick<ArenaRequest, 'signal' | 'progress'>,
) {
  const sizes = [...new Set(kept.map((rows) => rows.length))].filter((size) => size > 0).sort((a, b) => a - b);
  const nulls = new Map((await drawNull(pool, accumulator, sizes, draws, seed, how)).map((one) => [one.size, one]));
  const nothing = { size: 0, values: Array.from({ length: accumulator.quantities }, () => new Float64Array(0)) };
  return kept.map((rows) => distanceFrom(nulls.get(rows.length) ?? nothing, measure(accumulator, rows)));
}

/** Random subsets keep to a budget by cost too, and to nothing else. */
function costLimits(rows: number, limit: number, tokens: Float64Array): DrawLimits {
  return { always: new Int32Array(), groups: new Int32Array(rows).fill(-1), bounds: [], cost: { tokens, limit } };
}

function sharesOf({ groups }: Metrics, rows: Int32Array): Record<string, number[]> {
  return Object.fromEntries(groups.map(({ name, groups: of, labels }) => [name, shares(of, labels.length, rows)]));
}

/** Share of each group; rows without one are in none. */
function shares(groups: Int32Array, labels: number, rows: Int32Array): number[] {
  return [...groupCounts(groups, labels, rows)].slice(1).map((count) => (rows.length === 0 ? 0 : count / rows.length));
}

function compositionsOf({ groups }: Metrics, pool: Int32Array, random: RandomSubsets): Composition[] {
  return groups.map(({ name, groups: of, labels }) => {
    const drawn = random.subsets.map((rows) => shares(of, labels.length, rows));
    return {
      name,
      labels,
      pool: shares(of, labels.length, pool),
      random: labels.map((_, g) => interval95(drawn.map((one) => one[g]!))),
    };
  });
}

function describeRandom(
  { accumulator }: Metrics,
  { kind, subsets }: RandomSubsets,
  spent: (rows: Int32Array) => { tokens?: number },
): ArenaRandom {
  const measured = subsets.map((rows) => measure(accumulator, rows));
  const each = subsets.map((rows) => spent(rows).tokens);
  return {
    id: kind === 'uniform' ? 'random' : 'stratified',
    title: kind === 'uniform' ? 'Random, uniform' : 'Random, stratified by source',
    seeds: subsets.length,
    kept: Math.round(mean(subsets.map((rows) => rows.length))),
    tokens: each[0] === undefined ? undefined : Math.round(mean(each.map((tokens) => tokens!))),
    quantities: Array.from({ length: accumulator.quantities }, (_, q) => interval95(measured.map((own) => own[q]!))),
  };
}
