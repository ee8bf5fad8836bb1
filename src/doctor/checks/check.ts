import type { Dataset } from '../../dataset/dataset.ts';
import type { ScannedRow } from '../../dataset/index/scan.ts';
import type { Sample } from '../../dataset/sample.ts';
import type { Target } from '../target.ts';

export type Severity = 'error' | 'warn' | 'info';

/** One check of the doctor's list: what stands in its documentation, its table and its JSON. */
export interface Check {
  /** `D101`: stable, part of the API. */
  code: string;
  severity: Severity;
  /** What is wrong, in a few words: `placeholders and media don't match`. */
  title: string;
  /** What it does to a training run, in one sentence. */
  why: string;
  /** What to do about it, as one imperative sentence. */
  advice: string;
  /** What `--fix` does, in a few words; absent: no program can. */
  fix?: string;
  /**
   * `target`: only for a known target (some: `appliesTo` of them). `against`: only with a benchmark to compare with.
   */
  needs?: 'target' | 'against';
  /** Targets that it applies to, where these aren't all. */
  appliesTo?: (target: Target) => boolean;
}

/** One faulty row. */
export interface Finding {
  code: string;
  row: number;
  id: string;
  /** What is wrong with this row, with the values: `2 <image> placeholders, 1 image file`. */
  detail: string;
  /** False where the check has a fix that doesn't fit this row. @default true where the check has a fix */
  fixable?: boolean;
}

/** What a group of checks gets to work with. */
export interface DoctorContext {
  dataset: Dataset;
  /** Absent: checks that need one are not asked. */
  target?: Target;
  /** Benchmarks to look for overlap with; opened like any data set. */
  against: readonly Dataset[];
  /** Largest file that is decoded, in bytes. */
  maxBytes: number;
  /** Largest image that is decoded, in pixels. */
  maxPixels: number;
  /** Fixes keep what decodes of images that are cut or damaged, instead of leaving their rows out. */
  keepDamaged: boolean;
  /** True for a check that was asked for; what isn't wanted need not be computed. */
  wanted(code: string): boolean;
  /** Note a faulty row. One row is counted once for each code: further details of it are joined. */
  report(finding: Finding): void;
  signal?: AbortSignal;
  progress?: (done: number, total: number, what: string) => void;
}

/** One examination of one data set. Findings are reported as they are found, in `visit` or `finish`. */
export interface Examination {
  /** Every row once, in order, also those that can't be used. Cheap: no file is opened here. */
  visit(row: ScannedRow): void;
  /** After the last row: decode media in parallel, compare rows with each other. */
  finish?(): Promise<void>;
  /** By code: how a row that was reported as fixable is fixed. Asked in order of the codes, after `finish`. */
  fixes?: Readonly<Record<string, Fix>>;
}

/** The door for checks: one file for each group. */
export interface CheckGroup {
  readonly name: 'structure' | 'media' | 'text' | 'grounding' | 'duplicates' | 'overlap';
  /**
   * Its place: fixes are made in this order. Boxes by the images as they were, images while they are known by the paths
   * (or data URIs) of the row, data URIs into files last.
   */
  readonly order: number;
  readonly checks: readonly Check[];
  open(context: DoctorContext): Examination | Promise<Examination>;
}

/** What a fix may use beside the sample. */
export interface FixContext {
  row: number;
  id: string;
  dataset: Dataset;
  target?: Target;
  /** Keep the bytes of a fixed medium; returns the path to put into the sample. Same bytes, same path. */
  store(bytes: Uint8Array, extension: string): Promise<string>;
}

/**
 * Fixes one sample (never in place): the new sample, with what was and what is for the change log; `drop` takes the row
 * out. Null: there is nothing to fix (any more).
 */
export type Fix = (sample: Sample, context: FixContext) => Fixed | null | Promise<Fixed | null>;
export type Fixed = { sample: Sample; was: unknown; is: unknown } | { drop: true; was: unknown };
