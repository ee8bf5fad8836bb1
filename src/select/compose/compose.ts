import { rowsWithin } from '../../cost/row-tokens.ts';
import { fromSubPool, subPool } from '../kit/sub-pool.ts';
import type { Reason, SelectContext, Selection, Selector, SelectorInput } from '../selector.ts';
import { fitCount } from './fit-count.ts';
import { mergePicks, type StagePick } from './merge-picks.ts';
import { boundedGroups, type RuledPool, type SourceCount, sourceCounts } from './source-groups.ts';
import { leastBudget } from './source-rules.ts';
import { pickWithinBounds } from './within-bounds.ts';

/** How many samples, or what they may cost together in tokens. */
export type Amount = { count: number; fraction?: number } | { tokens: number };

/** One method of a pipeline. */
export interface Stage {
  selector: Selector;
  options: Record<string, unknown>;
  /** Columns of the whole pool that this method reads. */
  input: SelectorInput;
  /**
   * What is kept of the rows that reach the stage, rows that are always kept included. Absent for a stage that isn't
   * the last: what its own options decide, else the same factor at each stage.
   */
  amount?: (arriving: number) => Amount;
}

/** A selection by several methods one after another, within limits that no method knows of. */
export interface Composition extends RuledPool {
  rows: number;
  /** The last one has an amount. */
  stages: readonly Stage[];
  /** Why each other row is out of it. */
  outside: ReadonlyMap<number, 'excluded' | 'never-keep' | 'not-in-pool'>;
  /** Tokens of each row, where any amount is one of tokens. */
  tokens?: Float64Array;
}

/** What one stage did. */
export interface StageCount {
  method: string;
  options: Readonly<Record<string, unknown>>;
  /** Rows that reached it, those always kept not counted. */
  arrived: number;
  asked: number;
  kept: number;
}

/** A selection, and what each stage and source gave to it. */
export interface Composed {
  selection: Selection;
  stages: StageCount[];
  /** What was demanded of each source with a rule: places, and how many were filled. */
  sources: SourceCount[];
}

/**
 * Runs the stages, each on the rows that the one before it kept, as though there were no others; the last one fills the
 * budget. Floors and quotas of sources hold at the last stage, and no earlier stage takes a source below its floor.
 * Pure: a method sees a pool and a count.
 */
export async function compose(
  plan: Composition,
  context: Omit<SelectContext, 'budget' | 'fraction'>,
): Promise<Composed> {
  const reasons = firstReasons(plan);
  const counts: StageCount[] = [];
  const notes: string[] = [];
  const leftOut: string[] = [];
  const last = plan.stages.length - 1;
  let rows = plan.pool;
  let asked = 0;
  let outcome: StagePick = { kept: plan.pool, reasons: [], perCluster: [], notes: [] };
  let final: StageCount | undefined;
  for (const [s, stage] of plan.stages.entries()) {
    const run = await runStage(plan, s, rows, context);
    outcome = run.outcome;
    asked = run.count;
    final = {
      method: stage.selector.name,
      options: outcome.options ?? stage.options,
      arrived: rows.length,
      asked: run.count,
      kept: outcome.kept.length + plan.always.length,
    };
    counts.push(final);
    for (const reason of outcome.reasons) {
      if (reason.code !== 'excluded') reasons[reason.row] = last === 0 ? reason : { ...reason, stage: s + 1 };
    }
    notes.push(...outcome.notes.map((note) => (last === 0 ? note : `Stage ${s + 1}, ${stage.selector.name}: ${note}`)));
    if (outcome.because !== undefined)
      leftOut.push(last === 0 ? outcome.because : `stage ${s + 1}, ${stage.selector.name}: ${outcome.because}`);
    if (s < last) rows = outcome.kept.slice().sort();
  }
  const kept = withAlways(plan.always, outcome.kept);
  const sources = sourceCounts(plan, asked, kept);
  for (const { source, least, kept: given } of sources) {
    if (given < least) notes.push(`Only ${given} of the ${least} samples due from "${source}" could be kept.`);
  }
  const missing = asked - kept.length;
  const selection: Selection = {
    method: plan.stages.map(({ selector }) => selector.name).join(' then '),
    options: final!.options,
    seed: context.seed,
    requested: asked,
    kept,
    perCluster: outcome.perCluster,
    shortfall: missing > 0 ? { missing, because: leftOut.join('; ') || 'the pool has no more rows' } : undefined,
    reasons,
    clusters: outcome.clusters,
    notes: [...new Set(notes)],
  };
  return { selection, stages: counts, sources };
}

/** One stage on the rows that reached it, and the count that its amount came to, rows always kept included. */
async function runStage(
  plan: Composition,
  s: number,
  rows: Int32Array,
  context: Omit<SelectContext, 'budget' | 'fraction'>,
): Promise<{ outcome: StagePick; count: number }> {
  const stage = plan.stages[s]!;
  const certain = plan.always.length;
  const most = rows.length + certain;
  const amount = stage.amount?.(rows.length) ?? ownAmount(plan, s, rows.length);
  const isLast = s === plan.stages.length - 1;
  const run = (count: number, fraction?: number): Promise<StagePick> =>
    runWithin(plan, stage, rows, count, isLast, fraction === undefined ? context : { ...context, fraction });
  if ('count' in amount) {
    const { count, fraction } = amount;
    return { outcome: await run(count, fraction), count };
  }
  const tokens = plan.tokens!;
  const costOf = (kept: Int32Array): number => kept.reduce((sum, row) => sum + tokens[row]!, 0);
  const left = amount.tokens - costOf(plan.always);
  const fitted = await fitCount(
    left,
    {
      least: Math.min(most, Math.max(certain, plan.rules === undefined ? 0 : leastBudget(plan.rules))),
      most,
      guess: certain + (left * rows.length) / Math.max(1, costOf(rows)),
    },
    run,
    ({ kept }) => costOf(kept),
  );
  return fitted === undefined
    ? { outcome: await run(certain), count: certain }
    : { outcome: fitted.result, count: fitted.count };
}

/**
 * What a stage keeps that nobody gave an amount: with k stages left, the k-th root of what the last one keeps of the
 * rows that reach this one.
 */
function ownAmount(plan: Composition, s: number, arriving: number): Amount {
  const { selector, options } = plan.stages[s]!;
  const certain = plan.always.length;
  if (selector.setsOwnSize?.(options) === true) return { count: arriving + certain };
  const goal = Math.min(arriving, Math.max(0, finalCount(plan, arriving) - certain));
  const left = plan.stages.length - s;
  return { count: certain + Math.max(goal, Math.round(arriving * (goal / Math.max(1, arriving)) ** (1 / left))) };
}

/** The size of the selection; where its budget is in tokens, of as many rows of average length as fit. */
function finalCount({ stages, pool, tokens }: Composition, arriving = pool.length): number {
  const end = stages.at(-1)!.amount!(arriving);
  if ('count' in end) return end.count;
  return rowsWithin(end.tokens, pool, tokens!);
}

/** A method on some rows, by source where sources have rules. `count` includes the rows always kept. */
async function runWithin(
  plan: Composition,
  stage: Stage,
  rows: Int32Array,
  count: number,
  isLast: boolean,
  context: Omit<SelectContext, 'budget'>,
): Promise<StagePick> {
  const budget = Math.max(0, count - plan.always.length);
  const groups = boundedGroups(plan, rows, isLast ? count : finalCount(plan), isLast);
  const least = groups?.reduce((sum, group) => sum + group.least, 0) ?? 0;
  // What a method leaves out by its own rule it leaves out of every source, and a stage that is too small for the
  // floors keeps what it can.
  const isFree = !isLast && (stage.selector.setsOwnSize?.(stage.options) === true || least > budget);
  if (groups === undefined || isFree) return runOn(stage, rows, { ...context, budget });
  const { fraction: _, ...plain } = context;
  const picks = await pickWithinBounds(groups, budget, (some, places) =>
    runOn(stage, some, { ...plain, budget: places }),
  );
  return mergePicks(
    picks.map(({ picked }) => picked),
    plan.rows,
  );
}

/**
 * A method on some rows alone; on the pool as it stands, with the rows that can't be chosen, where that is the same.
 */
async function runOn(stage: Stage, rows: Int32Array, context: SelectContext): Promise<StagePick> {
  const { selector, options, input } = stage;
  if (rows.length === 0 || context.budget === 0) {
    const none = Array.from(rows, (row): Reason => ({ row, kept: false, code: 'not-picked' }));
    return { kept: new Int32Array(), reasons: none, perCluster: [], notes: [], options };
  }
  const isWhole = rows.length === input.rows - (input.excluded?.size ?? 0);
  if (isWhole) {
    const selection = await selector.select(input, options, context);
    const { kept, perCluster, notes, shortfall, clusters } = selection;
    return {
      kept,
      reasons: selection.reasons,
      perCluster,
      notes,
      options: selection.options,
      clusters,
      because: shortfall?.because,
    };
  }
  const { fraction: _, ...plain } = context;
  const {
    kept,
    reasons,
    perCluster,
    notes,
    shortfall,
    clusters,
    options: inForce,
  } = fromSubPool(await selector.select(subPool(input, rows), options, plain), rows);
  const spread = clusters === undefined ? undefined : new Int32Array(input.rows).fill(-1);
  rows.forEach((row, i) => {
    if (spread !== undefined) spread[row] = clusters![i]!;
  });
  return {
    kept,
    reasons,
    perCluster,
    notes,
    options: inForce,
    clusters: spread,
    because: shortfall?.because,
  };
}

function firstReasons({ rows, always, outside }: Composition): Reason[] {
  const reasons = Array.from({ length: rows }, (_, row): Reason => {
    return { row, kept: false, code: outside.get(row) ?? 'not-picked' };
  });
  for (const row of always) reasons[row] = { row, kept: true, code: 'always-keep' };
  return reasons;
}

/** Rows always kept come first where a method ranks; else all stand by row. */
function withAlways(always: Int32Array, kept: Int32Array): Int32Array {
  const all = new Int32Array(always.length + kept.length);
  all.set(always);
  all.set(kept, always.length);
  const isByRow = kept.every((row, i) => i === 0 || row > kept[i - 1]!);
  return isByRow ? all.sort() : all;
}
