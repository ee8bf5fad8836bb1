import type { CostOptions } from '../../cost/gpu-hours.ts';
import type { SourceRules } from './source-rules.ts';

/** One method of a pipeline. */
export interface StageRequest {
  /** `visnec`, `random`, `top`. */
  method: string;
  /**
   * What is kept: `15%` of the pool, `300`, `2M tokens` or `10 gpu-hours`. @default for the last stage the project's
   * default
   */
  budget?: string | number | undefined;
  /** What is kept of the rows that reach the stage, instead of a budget: `60%` or a number of samples. */
  pass?: string | number | undefined;
  /** Options of the method; what is left out takes its default. */
  options?: Record<string, unknown>;
  /**
   * Data set of the project that stands for the target, for methods that aim at one: less, icons, rds-plus, datainf.
   */
  reference?: string | undefined;
}

/** Options of {@link CostOptions}, all of them optional. */
export type CostRequest = { [K in keyof CostOptions]?: CostOptions[K] | undefined };

export interface SelectRequest extends StageRequest, SourceRules, CostRequest {
  /** Methods that run before this one, each on what the one before it kept. */
  before?: readonly StageRequest[] | undefined;
  /** Choose from the rows of an earlier selection: they are the pool then. @default the whole data set */
  from?: string | undefined;
  /** Ids that are kept in any case and count in the budget: a file, an earlier selection, or ids. */
  alwaysKeep?: string | readonly string[] | undefined;
  /** Ids that are never kept, likewise. */
  neverKeep?: string | readonly string[] | undefined;
  /** @default the project's default, else 42 */
  seed?: number | undefined;
  /** Data set of the project. @default the first */
  dataset?: string | undefined;
  /** Name to save under. @default methods, options that differ from their defaults, budget and seed */
  name?: string | undefined;
  /** Replace a selection of that name that another request made. @default false */
  replace?: boolean | undefined;
  /**
   * Which blind loss `necessity` is taken from: masked, drop, remove, http-drop, http-grey. @default the first variant
   * of the newest loss
   */
  blind?: string | undefined;
  /** Choose, but save nothing. @default false */
  dryRun?: boolean | undefined;
  signal?: AbortSignal;
  progress?: (done: number, total: number, what: string) => void;
}
