import type { z } from 'zod';
import type { Quarantined } from '../base/errors.ts';
import type { TimeEstimate } from '../cost/time.ts';
import type { Dataset, SampleBatch } from '../dataset/dataset.ts';
import type { Sample } from '../dataset/sample.ts';
import type { Column, ColumnSpec } from '../numeric/columns.ts';
import type { ProjectConfig } from '../store/config.ts';
import type { Project } from '../store/project.ts';
import type { Shard, ShardPlan } from '../store/shard-plan.ts';
import type { Pass } from './engine/cost-model.ts';

/** What a signal sees of the data set beside the batch it computes. */
export interface SignalContext {
  dataset: Dataset;
  /** Where columns and training runs are that a signal is made from. */
  project?: Project;
  /** The command that measures a column. */
  commandFor?: (column: string) => Promise<string | undefined>;
  /** Folder for models fetched from a hub. */
  cacheDir?: string;
  /** Never go to the network for a model. */
  offline?: boolean;
  signal?: AbortSignal;
  /** A long preparation (a model download, a fit over the corpus) says what it is doing. */
  progress?: (what: string, done: number, total: number) => void;
}

/** The columns of one shard, in the order of `Signal.columns`, and the rows that could not be computed. */
export interface SignalBlock {
  columns: Record<string, Column>;
  quarantined: Quarantined[];
}

/** What the requests to a server would come to, with what was assumed to say so. */
export interface Estimate {
  requests: number;
  promptTokens: number;
  /** `4 characters a token, 576 tokens an image` */
  assumed: string;
}

/** A signal ready to compute: its model is known and open. */
export interface SignalRun {
  /**
   * Rows of `batch` in order; NaN (or null, or an empty list) where a row is quarantined or has nothing to measure.
   * @param onRows how many rows of the batch are done, where a batch takes long
   */
  compute(batch: SampleBatch, onRows?: (rows: number) => void): Promise<SignalBlock>;
  close(): Promise<void>;
}

/**
 * The door for signals: one file each. A signal measures; it never ranks.
 * Raise `version` by hand when its numbers change: it is part of every shard's name.
 */
export interface Signal<Params extends Record<string, unknown> = Record<string, unknown>> {
  readonly name: string;
  /** Its place in lists; those without one come behind, by name. */
  readonly order?: number;
  readonly version: number;
  readonly title: string;
  /** What it measures, for people, in one or two sentences. */
  readonly measures: string;
  /** Paper or library whose definition it follows. */
  readonly source: string;
  /** Who can compute it. */
  readonly by: readonly ('process' | 'worker' | 'server')[];
  readonly params: z.ZodType<Params>;
  /** Passes over the data, for people and for `--dry-run`: `1 image + 2 text passes of the model`. */
  cost(params: Params): string;
  /** Passes over the data set behind one of its columns. */
  passes(column: string): readonly Pass[];
  /** Options that make further columns: each is tried where a method reads a column that the defaults don't give. */
  readonly variants?: readonly Readonly<Record<string, unknown>>[];
  /**
   * Methods mean its columns of a tuned proxy; the option that names it: `checkpoints` over its training, `model` at
   * its end.
   */
  readonly proxy?: 'checkpoints' | 'model';
  /** Defaults of `winnow.yaml` that its options take where they aren't given. */
  projectDefaults?(defaults: ProjectConfig['defaults'], given: Record<string, unknown>): Record<string, unknown>;
  /** What some rows would take of a server; undefined where none is asked. */
  estimate?(params: Params, context: SignalContext, samples: AsyncIterable<Sample>): Promise<Estimate | undefined>;
  columns(params: Params): ColumnSpec[];
  /** Rows a shard. */
  readonly shardRows: number;
  /** The numbers depend on the media, so that a changed image makes a new shard. */
  readonly readsMedia: boolean;
  /** Revision of the model (or of the parameters that stand for one) without loading it: part of every shard's name. */
  revision(params: Params, context: SignalContext): Promise<string>;
  /** The parameters that change the numbers, without the model, whose revision is separate. */
  key(params: Params): Record<string, unknown>;
  /** Who computes it with these options. @default the first of `by` */
  chosen?(params: Params, context: SignalContext): Promise<'process' | 'worker' | 'server'>;
  /**
   * Opens the models in this process, or a server. Absent: only the worker measures it. What the worker's job carries
   * is `key`.
   */
  open?(params: Params, context: SignalContext): Promise<SignalRun>;
  /** Columns that it is made from, where those are measured first. */
  reads?(params: Params): string[];
  /** Facts of all its numbers together, recorded with them when they are there: whether the model fits the data. */
  summarise?(params: Params, context: SignalContext, plan: ShardPlan): Promise<Record<string, unknown>>;
  /**
   * Computes missing shards by a job of its own, from all rows at once. @default a job that reads the samples with a
   * model
   */
  computeMissing?(params: Params, context: SignalContext, missing: readonly Shard[]): Promise<void>;
}

/** What a scoring run would do; JSON. */
export interface ScoreSummary {
  signal: string;
  dataset: string;
  model: string;
  revision: string;
  params: Record<string, unknown>;
  rows: number;
  /** Rows to measure. */
  rowsMissing: number;
  /** Rows of missing shards whose equals have been measured: their numbers are taken over. */
  rowsReused: number;
  shards: number;
  shardsMissing: number;
  cost: string;
  /** Of a dry run, where a server would be asked. */
  estimate?: Estimate;
  /** Of a dry run. */
  time?: TimeEstimate;
}

export interface ScorePlan {
  summary: ScoreSummary;
  project: Project;
  signal: Signal;
  params: Record<string, unknown>;
  shards: ShardPlan;
  context: SignalContext;
}
