import type { TimeEstimate } from '../../cost/time.ts';
import type { Interval } from '../../numeric/statistics/statistics.ts';
import type { CostBudget } from '../../select/compose/budget.ts';
import type { Fit } from '../../signals/fit/measure.ts';
import type { MissingColumn } from './availability.ts';
import type { Cost, CostAssumptions } from './cost.ts';
import type { QuantityDistance } from './permutation.ts';

/** A number by which subsets are compared. */
export interface QuantityInfo {
  /** `signal/nll_mm`, `composition/source`, `doctor/D007`, `fault/wrong-color`. */
  name: string;
  group: 'signal' | 'composition' | 'doctor' | 'fault';
  title: string;
  /** Of all rows that can be chosen; for a signal the mean, for a share the share, 0 for a composition. */
  pool: number;
  /** Standard deviation of a row's value over the pool; NaN for a composition. */
  spread: number;
}

/** What every contestant may keep. */
export interface ArenaBudget {
  /** As it was written. */
  budget: string;
  /** Samples; of a budget by cost as many of average length as fit. */
  requested: number;
  /**
   * A budget in tokens or GPU-hours: the limit in tokens, where the tokens of a row are known from, what GPU-hours
   * assume.
   */
  cost?: { unit: CostBudget['unit']; limit: number; tokens: string; assumptions: string };
}

/** One method of a contestant: what it is, and what it did of the rows that reached it. */
export interface ArenaStage {
  method: string;
  title: string;
  source: string;
  summary: string;
  formula: string;
  /** What its official variant does otherwise, where there is one. */
  deviations?: readonly string[];
  options: Readonly<Record<string, unknown>>;
  arrived: number;
  asked: number;
  kept: number;
}

/** A contestant that has chosen: a method, or several in a row with rules around them. */
export interface ArenaMethod {
  id: string;
  /** `semdedup then visnec` */
  method: string;
  title: string;
  stages: ArenaStage[];
  /** What was demanded of sources with a rule, and what they gave. */
  sources: { source: string; least: number; most: number | null; kept: number }[];
  /** The same choice by `winnow select`. */
  command: string;
  /** From an earlier run; `seconds` and `bytes` are then those of that run. */
  reused: boolean;
  requested: number;
  returned: number;
  /** Distinct rows. */
  kept: number;
  /** What these have together, where the budget is by cost. */
  tokens?: number;
  shortfall?: { missing: number; because: string };
  notes: string[];
  /** By the order of `quantities`, each beside random subsets of the same size. */
  quantities: QuantityDistance[];
  /** Largest distance of all quantities beside that of random subsets; `adjusted`: p by Holm over all methods. */
  distance: { value: number; random: number; lo: number; hi: number; p: number; adjusted: number };
  /** Shares of the groups, in the order of their labels. */
  shares: Record<string, number[]>;
  uniquePicks: { picked: number; dropped: number; odd: OddRow[]; missed: OddRow[] };
  cost: { columns: string[]; seconds: number; bytes: number; measuring: Cost };
}

/** A row that sets a method apart; `votes`: how many of the other methods keep it. */
export interface OddRow {
  row: number;
  id: string;
  votes: number;
  /** What was planted in it, where the truth is known. */
  planted?: string;
}

/** A method that can't run yet. */
export interface ArenaMissing {
  id: string;
  method: string;
  title: string;
  missing: MissingColumn[];
  needsReference: boolean;
  /** Of the columns that are missing. */
  cost: Cost;
}

/** A method that was tried and gave up. */
export interface ArenaFailed {
  id: string;
  method: string;
  title: string;
  error: { code: string; message: string; hint?: string };
}

/** Groups whose shares make up a subset. */
export interface Composition {
  name: 'source' | 'cluster';
  labels: string[];
  /** Share of the pool. */
  pool: number[];
  /** Shares of uniform random subsets. */
  random: Interval[];
}

/** Random subsets of the budget's size: they always take part. */
export interface ArenaRandom {
  id: 'random' | 'stratified';
  title: string;
  seeds: number;
  /** Rows of a subset; of a budget by cost the mean. */
  kept: number;
  /** Mean of what these have together, where the budget is by cost. */
  tokens?: number;
  /** In the order of `quantities`. */
  quantities: Interval[];
}

/**
 * Pairs by `names`: the methods in the order of `methods`, then the random ones (means over their seeds; with
 * themselves, over pairs of seeds).
 */
export interface OverlapTable {
  names: string[];
  both: number[][];
  jaccard: number[][];
  ratio: number[][];
  /** An order in which alike ones stand together. */
  order: number[];
}

/** Everything that the arena found. JSON; numbers that don't exist are null there. */
export interface ArenaResult extends ArenaBudget {
  dataset: string;
  /** Whether the model that measured the necessity fits the data; absent where none was measured. */
  fit?: Fit;
  rows: number;
  /** Rows that can be chosen. */
  eligible: number;
  seed: number;
  draws: number;
  reference?: string;
  quantities: QuantityInfo[];
  compositions: Composition[];
  methods: ArenaMethod[];
  random: ArenaRandom[];
  overlap: OverlapTable;
  missing: ArenaMissing[];
  failed: ArenaFailed[];
  /** Of all columns that are missing, shared passes counted once. */
  missingCost: Cost;
  assumptions: CostAssumptions;
  notes: string[];
}

/** What would run, before anything does. */
export interface ArenaPlan extends ArenaBudget {
  dataset: string;
  rows: number;
  seed: number;
  runs: { id: string; title: string; columns: string[] }[];
  reference?: string;
  /** Measured first, since that takes no model. */
  free: string[];
  missing: ArenaMissing[];
  missingCost: Cost;
  assumptions: CostAssumptions;
  /** Of the arena itself, without what would be measured before. */
  time: TimeEstimate;
}
