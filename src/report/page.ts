import type { GalleryGroup, GallerySample, ReportDoctor, ReportPictures, ReportRun } from './data.ts';
import type { Summary } from './summary.ts';

/** Columns over the samples that the page holds (all of them up to 20,000). Dictionaries keep repeated labels short. */
export interface PageSamples {
  /** Row in the pool of each sample shown; null: sample i is row i. */
  row: number[] | null;
  id: string[];
  question: string[] | null;
  answer: string[] | null;
  /** Indexes into the dictionaries; -1: none. */
  source: Coded | null;
  category: Coded | null;
  fault: Coded | null;
  reason: Coded | null;
  /** Stage of a pipeline that decided. */
  stage: Coded | null;
  rank: (number | null)[] | null;
  /** nats/token, rounded to 3 digits; null: missing. */
  multimodal: (number | null)[] | null;
  blind: (number | null)[] | null;
  necessity: (number | null)[] | null;
  /** Class of each sample: its place in `CLASSES` as a digit; `-`: S was not measured. */
  classes: string | null;
  cluster: number[] | null;
  /** 0 to 1000 */
  x: number[] | null;
  y: number[] | null;
  /** `1`: kept by the main selection. */
  kept: string;
}

export interface Coded {
  names: string[];
  index: number[];
}

export interface PageCluster {
  cluster: number;
  terms: string[];
  size: number;
  candidates: number | null;
  quota: number | null;
  kept: number | null;
  meanNecessity: number | null;
}

export interface PagePictures {
  /** Folders that all links begin with. */
  base: string;
  list: ReportPictures['list'];
  /** Index into `samples`: places in `list`. */
  of: Record<number, number[]>;
}

/** What the page's script reads: the summary, compact columns and the parts that are shown as they are. */
export interface PageData {
  subtitle: string | null;
  madeAt: string | null;
  summary: Summary;
  samples: PageSamples;
  clusters: PageCluster[];
  mapNote: string | null;
  /** null: the report was made without. */
  pictures: PagePictures | null;
  groups: GalleryGroup[];
  /** `row` is the index into `samples`. */
  gallery: GallerySample[];
  quarantined: { id: string; code: string; reason: string }[];
  doctor: ReportDoctor | null;
  run: ReportRun | null;
  notes: string[];
  /** Length that questions and answers were cut to, characters; 0: none was. */
  textLimit: number;
}
