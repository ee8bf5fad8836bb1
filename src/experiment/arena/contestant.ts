import { columnsBehind } from '../../select/inputs/score-columns.ts';
import type { Selector } from '../../select/selector.ts';

/** One method of a contestant. */
export interface ContestantStage {
  selector: Selector;
  /** As they were written, for what takes a request. */
  given: Record<string, unknown>;
  /** Defaults filled in. */
  options: Record<string, unknown>;
  /**
   * What is kept of the rows that reach it, or of the whole pool; not of the last stage, whose budget is the arena's.
   */
  pass?: string;
  budget?: string;
}

/** Options of `winnow select` beside methods that a contestant may have. */
export const RULES = ['quota', 'floor', 'max', 'alwaysKeep', 'neverKeep'] as const;

/** What a contestant asks beside its methods: rules for sources, rows kept always and never. */
export type ContestantRules = { [K in (typeof RULES)[number]]?: string[] };

/** One line of the arena: a method with options, or several in a row, with rules around them. */
export interface Contestant {
  /** Unique in the arena, and the list that names it: `self-sup:keep=near`, `semdedup then visnec:quota=gqa=20%`. */
  id: string;
  title: string;
  /** The last one fills the budget. */
  stages: readonly [ContestantStage, ...ContestantStage[]];
  rules: ContestantRules;
}

/** `semdedup then visnec` */
export function methodOf({ stages }: Contestant): string {
  return stages.map(({ selector }) => selector.name).join(' then ');
}

/** Columns that its methods read of the pool, each once; those behind the scores of other methods instead of these. */
export function needsOf({ stages }: Contestant): string[] {
  return [...new Set(stages.flatMap(({ selector, options }) => selector.needs(options)).flatMap(columnsBehind))];
}

/** Columns that they read of the target; undefined where none compares with one. */
export function referenceNeedsOf({ stages }: Contestant): string[] | undefined {
  const aiming = stages.filter(({ selector }) => selector.referenceNeeds !== undefined);
  if (aiming.length === 0) return undefined;
  return [...new Set(aiming.flatMap(({ selector, options }) => selector.referenceNeeds!(options)))];
}
