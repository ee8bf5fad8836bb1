import type { z } from 'zod';
import type { Column, WideColumn } from '../numeric/columns.ts';
import type { Pass } from '../signals/engine/cost-model.ts';
import type { Reason } from './reasons.ts';

export type { Reason, ReasonCode } from './reasons.ts';

/**
 * Everything a selector may look at: named columns of the pool, all of length `rows`. It never opens a model or a file.
 */
export interface SelectorInput {
  rows: number;
  /** E.g. `necessity` (f32 x 1), `instruction` (f32 x d). Those that `needs` names must be present. */
  columns: Readonly<Record<string, Column>>;
  /**
   * Columns that are read block by block instead, because they may be larger than memory: those that `streams` names.
   */
  wide?: Readonly<Record<string, WideColumn>>;
  /** Columns of a second, small data set that stands for the target, for methods that have `referenceNeeds`. */
  reference?: SelectorInput;
  /**
   * Mean learning rate of the steps before the checkpoint where a column was measured, for columns of which that is
   * known.
   */
  rates?: Readonly<Record<string, number>>;
  /** Rows that can't be chosen at all (quarantined), with the reason. */
  excluded?: ReadonlyMap<number, string>;
  /** 1 where the row has no image. */
  textOnly?: Uint8Array;
  /** Source of each row, for stratified methods; null: unknown. */
  source?: readonly (string | null)[];
}

/**
 * `nothing`: text-only rows are left out. `proportional`: they get their share of the budget, drawn at random. `score`:
 * they compete like others.
 */
export type TextOnlyPolicy = 'exclude' | 'proportional' | 'score';

export interface ClusterCount {
  /** -1: a group that isn't a cluster (text-only rows). */
  cluster: number;
  /** What the group is called where a number doesn't say it: `text-only`, a source. */
  label?: string;
  size: number;
  candidates: number;
  quota: number;
  kept: number;
}

export interface Selection {
  method: string;
  /** The options in force, defaults filled in. */
  options: Readonly<Record<string, unknown>>;
  seed: number;
  requested: number;
  /** Kept rows, ordered as the method orders them (by row unless it ranks). */
  kept: Int32Array;
  perCluster: ClusterCount[];
  /** Why fewer than `requested` were returned; absent when none are missing. */
  shortfall?: { missing: number; because: string };
  /** One per row of the pool, in row order. */
  reasons: Reason[];
  /** Cluster of each row; -1: none. Absent for methods without clusters. */
  clusters?: Int32Array;
  /**
   * What a reader of the selection must know: fewer clusters than asked, rows left out, properties that the variant
   * breaks.
   */
  notes: string[];
}

/** A resolved budget: a number of samples. `15%` of the pool is resolved (floored) before a selector is called. */
export interface SelectContext {
  budget: number;
  /**
   * The share that the budget was given as (`15%` is 0.15): official rules apply it to each cluster. Absent: budget /
   * rows.
   */
  fraction?: number;
  seed: number;
  signal?: AbortSignal;
  progress?: (done: number, total: number, what: string) => void;
}

/**
 * The door for selectors: one file each, a pure function of columns, options and seed. What each promises by default,
 * P1 to P12, is listed in docs/selectors.md and tested by the contract suite.
 */
export interface Selector<Options extends Record<string, unknown> = Record<string, unknown>> {
  readonly name: string;
  /** Its place in lists; those without one come behind, by name. */
  readonly order?: number;
  /**
   * Raised by hand when the method chooses otherwise of the same columns: choices that are kept (by the arena) are of
   * one version.
   */
  readonly version: number;
  readonly title: string;
  /** Paper and code, with year. */
  readonly source: string;
  /** What it rewards, in one or two sentences for people. */
  readonly summary: string;
  /** Its rule in the symbols of its source, in plain text. */
  readonly formula: string;
  /**
   * What its official variant does otherwise: the promises that it does not keep, each beginning with its name
   * (`P2: …`), and remarks. Said in the notes of every such selection; [] where it keeps all.
   */
  readonly deviations?: readonly string[];
  /** Options with defaults; each field described with `.describe()`. */
  readonly options: z.ZodType<Options>;
  /**
   * Sets of options that a comparison of all methods runs, for a method with an option that has no default. @default
   * [{}]
   */
  readonly comparisonVariants?: readonly Readonly<Record<string, unknown>>[];
  /** Column that it ranks by, which pages show and classify beside its choices. Absent: none alone. */
  readonly headline?: string;
  /** Passes behind columns that it reads and no signal measures: they are imported. */
  readonly elsewhere?: Readonly<Record<string, readonly Pass[]>>;
  /** Names of the columns it reads, given its options. */
  needs(options: Options): string[];
  /** Of those, the ones it reads in blocks: the width of a gradient times the rows of a pool doesn't fit in memory. */
  streams?(options: Options): string[];
  /**
   * With these options the method itself decides how many rows stay (all that have no duplicate), and a budget only
   * cuts further.
   */
  setsOwnSize?(options: Options): boolean;
  /** Columns that it reads of a second data set. Where present, the method can't run without one. */
  referenceNeeds?(options: Options): string[];
  select(input: SelectorInput, options: Options, context: SelectContext): Promise<Selection>;
}

/** Columns that a method reads with these options, and those of them that it reads in blocks. */
export interface ColumnUse {
  needs: readonly string[];
  streams: readonly string[];
}

export function columnsOf(selector: Selector, options: Record<string, unknown>): ColumnUse {
  return { needs: selector.needs(options), streams: selector.streams?.(options) ?? [] };
}

/** Columns that nobody who needs them needs in memory. */
export function streamedByAll(uses: readonly ColumnUse[]): Set<string> {
  const streamed = new Set(uses.flatMap(({ streams }) => streams));
  for (const { needs, streams } of uses) {
    for (const name of needs) if (!streams.includes(name)) streamed.delete(name);
  }
  return streamed;
}
