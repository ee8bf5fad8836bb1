import { type ClassThresholds, classesOf, type NecessityClass } from '../select/kit/necessity-class.ts';
import type { Fit } from '../signals/fit/measure.ts';
import type { Interval, ReportAuc, ReportData, ReportRandom } from './data.ts';
import { CLASSES } from './format.ts';

/** One bar of the histogram: samples with `from <= S < to`, by class and by fate. */
export interface Bin {
  from: number;
  to: number;
  /** By the order of `CLASSES`; rows without an image are in no bar. */
  kept: number[];
  dropped: number[];
}

export interface ShareRow {
  label: string;
  /** Samples in the pool. */
  total: number;
  /** Samples kept by the main selection. */
  kept: number;
  /** Share of the subset under random choice, 0 to 1. */
  random: Interval | null;
}

export interface SelectionRow {
  name: string;
  title: string;
  method: string;
  options: Record<string, unknown>;
  seed: number;
  budget: string | null;
  requested: number;
  kept: number;
  shortfall: { missing: number; because: string } | null;
  meanNecessity: number | null;
  /** Kept samples in each class; null where nothing is scored. */
  classes: Record<NecessityClass, number> | null;
  /** Share of the kept and scored samples in each class; null where nothing is scored. */
  shares: Record<NecessityClass, number> | null;
  /** Samples shared with each selection, in the order of the table. */
  overlap: number[];
}

export interface FaultRow {
  key: string;
  title: string;
  about: string | null;
  ownCluster: number | null;
  total: number;
  /** Kept by each selection, in the order of the selections. */
  kept: number[];
  random: Interval | null;
}

/** The numbers of a report. The page and the terminal show these and nothing else. */
export interface Summary {
  title: string;
  total: number;
  scored: number;
  quarantined: number;
  thresholds: ClassThresholds;
  /** What has changed since the selection was made; null: nothing. */
  stale: string | null;
  /** Whether the model that measured S fits the data; null: not known. */
  fit: Fit | null;
  /** Classes that are shown: the three of S, and the others where a sample is in them. */
  shownClasses: NecessityClass[];
  classes: Record<NecessityClass, number> | null;
  meanNecessity: number | null;
  bins: Bin[];
  selections: SelectionRow[];
  random: (Omit<ReportRandom, 'source' | 'category' | 'fault'> & { bySource: boolean })[];
  sources: ShareRow[];
  categories: ShareRow[];
  faults: FaultRow[];
  auc: ReportAuc[];
}

/** Entry `i` as a number; NaN where it's missing. */
export function valueAt(column: ArrayLike<number | null> | undefined, i: number): number {
  return column?.[i] ?? Number.NaN;
}

/**
 * Counts everything the report shows, over the whole pool.
 * Shares of a selection are over its scored samples; composition is over all.
 */
export function summarise(data: ReportData): Summary {
  const total = data.samples.id.length;
  const classed = classesOfData(data);
  const classes = data.samples.necessity === undefined ? null : classCounts(classed, allRows(total));
  const scored = classes === null ? 0 : CLASSES.reduce((sum, name) => sum + classes[name], 0);
  const keptSets = (data.selections ?? []).map((selection) => new Set(selection.kept));
  const main = keptSets[0] ?? new Set<number>();
  const random = data.random ?? [];
  return {
    title: data.title,
    total,
    scored,
    quarantined: data.quarantined?.length ?? 0,
    thresholds: data.thresholds,
    stale: data.stale ?? null,
    fit: data.fit ?? null,
    shownClasses: CLASSES.filter((name) => !RARE.includes(name) || (classes?.[name] ?? 0) > 0),
    classes: scored > 0 ? classes : null,
    meanNecessity: meanNecessity(data, allRows(total)),
    bins: scored > 0 ? histogram(data, classed, main) : [],
    selections: (data.selections ?? []).map((selection, s) => ({
      name: selection.name,
      title: selection.title ?? selection.name,
      method: selection.method,
      options: selection.options,
      seed: selection.seed,
      budget: selection.budget ?? null,
      requested: selection.requested,
      kept: keptSets[s]!.size,
      shortfall: selection.shortfall ?? null,
      meanNecessity: meanNecessity(data, keptSets[s]!),
      classes: scored > 0 ? classCounts(classed, keptSets[s]!) : null,
      shares: sharesOf(classed, keptSets[s]!),
      overlap: keptSets.map((other) => intersection(keptSets[s]!, other)),
    })),
    random: random.map(({ source, category: _category, fault: _fault, ...rest }) => ({
      ...rest,
      bySource: source !== undefined,
    })),
    sources: composition(data.samples.source, main, random[0]?.source),
    categories: composition(data.samples.category, main, random[0]?.category),
    faults: faultRows(data, keptSets),
    auc: data.auc ?? [],
  };
}

function* allRows(total: number): Generator<number> {
  for (let i = 0; i < total; i++) yield i;
}

/** Classes that most data sets have none of. */
const RARE: readonly NecessityClass[] = ['neither', 'text-only'];

type Classed = readonly (NecessityClass | undefined)[];

/** The class of every row; undefined where S was not measured. */
export function classesOfData({ samples, thresholds }: ReportData): Classed {
  const { necessity, blind, textOnly } = samples;
  if (necessity === undefined) return samples.id.map(() => undefined);
  return classesOf({ necessity, blind, textOnly }, thresholds);
}

function classCounts(classed: Classed, rows: Iterable<number>): Record<NecessityClass, number> {
  const counts = Object.fromEntries(CLASSES.map((name) => [name, 0])) as Record<NecessityClass, number>;
  for (const i of rows) {
    const name = classed[i];
    if (name !== undefined) counts[name]++;
  }
  return counts;
}

function sharesOf(classed: Classed, rows: ReadonlySet<number>): Record<NecessityClass, number> | null {
  const counts = classCounts(classed, rows);
  const scored = CLASSES.reduce((sum, name) => sum + counts[name], 0);
  if (scored === 0) return null;
  return Object.fromEntries(CLASSES.map((name) => [name, counts[name] / scored])) as Record<NecessityClass, number>;
}

function meanNecessity(data: ReportData, rows: Iterable<number>): number | null {
  let sum = 0;
  let n = 0;
  for (const i of rows) {
    const value = valueAt(data.samples.necessity, i);
    if (Number.isFinite(value) && data.samples.textOnly?.[i] !== 1) {
      sum += value;
      n++;
    }
  }
  return n === 0 ? null : sum / n;
}

function intersection(a: ReadonlySet<number>, b: ReadonlySet<number>): number {
  const [small, large] = a.size < b.size ? [a, b] : [b, a];
  let n = 0;
  for (const row of small) if (large.has(row)) n++;
  return n;
}

/** Groups beyond this many are drawn together as one. */
const MAX_GROUPS = 24;

function composition(
  labels: readonly (string | null)[] | undefined,
  kept: ReadonlySet<number>,
  random: Record<string, Interval> | undefined,
): ShareRow[] {
  if (labels === undefined) return [];
  const rows = new Map<string, ShareRow>();
  labels.forEach((raw, i) => {
    const label = raw ?? 'unknown';
    const row = rows.get(label) ?? { label, total: 0, kept: 0, random: random?.[label] ?? null };
    row.total++;
    if (kept.has(i)) row.kept++;
    rows.set(label, row);
  });
  const sorted = [...rows.values()].sort((a, b) => b.total - a.total || (a.label < b.label ? -1 : 1));
  if (sorted.length <= MAX_GROUPS) return sorted;
  const rest = sorted.slice(MAX_GROUPS - 1);
  return [
    ...sorted.slice(0, MAX_GROUPS - 1),
    {
      label: `${rest.length} others`,
      total: rest.reduce((sum, row) => sum + row.total, 0),
      kept: rest.reduce((sum, row) => sum + row.kept, 0),
      random: null,
    },
  ];
}

function faultRows(data: ReportData, keptSets: readonly ReadonlySet<number>[]): FaultRow[] {
  const labels = data.samples.fault;
  if (labels === undefined) return [];
  return (data.faults ?? []).map((fault) => {
    const rows = labels.flatMap((label, i) => (label === fault.key ? [i] : []));
    return {
      key: fault.key,
      title: fault.title,
      about: fault.about ?? null,
      ownCluster: fault.ownCluster ?? null,
      total: rows.length,
      kept: keptSets.map((kept) => rows.filter((i) => kept.has(i)).length),
      random: data.random?.[0]?.fault?.[fault.key] ?? null,
    };
  });
}

/** Bars at most, nearly: enough to see two humps, few enough to point at one. */
const TARGET_BINS = 90;

/**
 * Bins whose edges include both thresholds whenever the data's range allows, so that a bar has one class.
 * The outermost bins hold what lies beyond the 0.5th and the 99.5th percentile.
 */
function histogram(data: ReportData, classed: Classed, kept: ReadonlySet<number>): Bin[] {
  const { critical, misaligned } = data.thresholds;
  const rows: { i: number; s: number }[] = [];
  for (let i = 0; i < data.samples.id.length; i++) {
    const s = valueAt(data.samples.necessity, i);
    if (Number.isFinite(s) && classed[i] !== 'text-only') rows.push({ i, s });
  }
  if (rows.length === 0) return [];
  const sorted = Float64Array.from(rows, (row) => row.s).sort();
  const low = Math.min(sorted[Math.floor(0.005 * (sorted.length - 1))]!, misaligned);
  const high = Math.max(sorted[Math.ceil(0.995 * (sorted.length - 1))]!, critical);
  const band = critical - misaligned;
  const fine = (high - low) / TARGET_BINS;
  const width =
    band < 1e-9 ? Math.max(fine, 1e-3) : fine <= band ? band / Math.floor(band / fine) : band * Math.ceil(fine / band);
  const first = misaligned - Math.ceil((misaligned - low) / width) * width;
  const n = Math.max(1, Math.ceil((high - first) / width - 1e-9));
  const bins: Bin[] = Array.from({ length: n }, (_, b) => ({
    from: first + b * width,
    to: first + (b + 1) * width,
    kept: CLASSES.map(() => 0),
    dropped: CLASSES.map(() => 0),
  }));
  for (const { i, s } of rows) {
    // Half-open towards the middle: S equal to a threshold is redundant.
    const b = Math.floor((s - first) / width);
    const name = classed[i]!;
    const at = (name === 'redundant' || name === 'neither') && s >= critical ? b - 1 : b;
    const bin = bins[Math.min(n - 1, Math.max(0, at))]!;
    (kept.has(i) ? bin.kept : bin.dropped)[CLASSES.indexOf(name)]!++;
  }
  return bins;
}
