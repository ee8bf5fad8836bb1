import type { ReportData, ReportSelection } from './data.ts';
import { CLASSES, roundHalfUp, shorten } from './format.ts';
import type { Coded, PageCluster, PageData, PageSamples } from './page.ts';
import { packPictures } from './pictures/pack.ts';
import { classesOfData, summarise, valueAt } from './summary.ts';

/** Samples on the page at most; above it the map and the table show an even sample of the rows. */
export const MAX_SHOWN = 20_000;
/** Bytes of the short questions and answers at most: they are what could make the page large. */
const TEXT_BYTES = 2_400_000;
const TEXT_LIMITS = [4000, 1000, 400, 160, 120, 80, 50, 30, 15, 0];
const MAX_QUARANTINED = 500;

/** Turns the report's data into what the page embeds: numbers rounded, labels coded, texts cut to a byte budget. */
export function compact(data: ReportData): PageData {
  const rows = shownRows(
    data.samples.id.length,
    (data.gallery?.samples ?? []).map(({ row }) => row),
  );
  const position = new Map(rows.map((row, i) => [row, i]));
  const { question, answer, limit } = shortTexts(data, rows);
  const gallery = (data.gallery?.samples ?? []).flatMap((sample) => {
    const i = position.get(sample.row);
    if (i === undefined) return [];
    const tokens = sample.tokens && {
      text: sample.tokens.text,
      multimodal: rounded(sample.tokens.multimodal, 3),
      blind: rounded(sample.tokens.blind, 3),
    };
    return [{ ...sample, row: i, tokens }];
  });
  return {
    subtitle: data.subtitle ?? null,
    madeAt: data.madeAt ?? null,
    summary: summarise(data),
    samples: { ...columns(data, rows), question, answer },
    clusters: clusterRows(data),
    mapNote: data.mapNote ?? null,
    pictures: packPictures(data.pictures, position),
    groups: (data.gallery?.groups ?? []).map((group) => ({
      ...group,
      rows: group.rows.flatMap((row) => position.get(row) ?? []),
    })),
    gallery,
    quarantined: (data.quarantined ?? [])
      .slice(0, MAX_QUARANTINED)
      .map(({ id, code, reason }) => ({ id, code, reason })),
    doctor: data.doctor ?? null,
    run: data.run ?? null,
    notes: data.notes ?? [],
    textLimit: limit,
  };
}

/** All rows up to {@link MAX_SHOWN}; above it evenly spaced ones, with every row of the gallery among them. */
export function shownRows(total: number, gallery: readonly number[]): number[] {
  if (total <= MAX_SHOWN) return Array.from({ length: total }, (_, i) => i);
  const wanted = new Set(gallery.filter((row) => row < total));
  const step = total / (MAX_SHOWN - wanted.size);
  for (let t = 0; t < total && wanted.size < MAX_SHOWN; t += step) wanted.add(Math.floor(t));
  return [...wanted].sort((a, b) => a - b);
}

function columns(data: ReportData, rows: readonly number[]): Omit<PageSamples, 'question' | 'answer'> {
  const s = data.samples;
  const main = data.selections?.[0];
  const kept = new Set(main?.kept);
  const pick = (column: ArrayLike<number | null> | undefined, digits: number): (number | null)[] | null =>
    column === undefined ? null : rows.map((i) => finiteOrNull(valueAt(column, i), digits));
  return {
    row: rows.length === s.id.length ? null : [...rows],
    id: rows.map((i) => s.id[i]!),
    source: coded(s.source, rows),
    category: coded(s.category, rows),
    fault: coded(s.fault, rows),
    reason: coded(main?.reasons?.code, rows),
    rank: pick(main?.reasons?.rank, 0),
    stage: coded(main?.reasons?.stage, rows),
    multimodal: pick(s.multimodal, 3),
    blind: pick(s.blind, 3),
    necessity: pick(s.necessity, 3),
    classes: s.necessity === undefined ? null : classDigits(data, rows),
    cluster: s.cluster === undefined ? null : rows.map((i) => s.cluster![i]!),
    x: coordinate(s.x, rows),
    y: coordinate(s.y, rows),
    kept: rows.map((i) => (kept.has(i) ? '1' : '0')).join(''),
  };
}

/** Classes go by the unrounded S, which the page doesn't have. */
function classDigits(data: ReportData, rows: readonly number[]): string {
  const classed = classesOfData(data);
  return rows.map((i) => (classed[i] === undefined ? '-' : CLASSES.indexOf(classed[i]))).join('');
}

function finiteOrNull(value: number, digits: number): number | null {
  return Number.isFinite(value) ? roundHalfUp(value, digits) : null;
}

function rounded(values: ArrayLike<number | null>, digits: number): (number | null)[] {
  return Array.from(values, (value) => finiteOrNull(value ?? Number.NaN, digits));
}

function coded(labels: readonly (string | null)[] | undefined, rows: readonly number[]): Coded | null {
  if (labels === undefined) return null;
  const names = new Map<string, number>();
  const index = rows.map((i) => {
    const label = labels[i];
    if (label === null || label === undefined) return -1;
    if (!names.has(label)) names.set(label, names.size);
    return names.get(label)!;
  });
  return { names: [...names.keys()], index };
}

/** Scaled to 0..1000 over the rows shown. */
function coordinate(column: ArrayLike<number | null> | undefined, rows: readonly number[]): number[] | null {
  if (column === undefined) return null;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const i of rows) {
    const value = valueAt(column, i);
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const scale = high > low ? 1000 / (high - low) : 0;
  return rows.map((i) => {
    const value = valueAt(column, i);
    return Number.isFinite(value) ? Math.round((value - low) * scale) : -1;
  });
}

function clusterRows(data: ReportData): PageCluster[] {
  const labels = data.samples.cluster;
  if (labels === undefined) return [];
  const terms = new Map((data.clusters ?? []).map((cluster) => [cluster.cluster, cluster.terms]));
  const main: ReportSelection | undefined = data.selections?.[0];
  const counts = new Map((main?.perCluster ?? []).map((row) => [row.cluster, row]));
  const kept = main === undefined ? null : new Set(main.kept);
  const rows = new Map<number, { size: number; kept: number; sum: number; scored: number }>();
  for (let i = 0; i < labels.length; i++) {
    const cluster = labels[i]!;
    if (cluster < 0) continue;
    const row = rows.get(cluster) ?? { size: 0, kept: 0, sum: 0, scored: 0 };
    row.size++;
    if (kept?.has(i)) row.kept++;
    const necessity = valueAt(data.samples.necessity, i);
    if (Number.isFinite(necessity)) {
      row.sum += necessity;
      row.scored++;
    }
    rows.set(cluster, row);
  }
  return [...rows.entries()]
    .sort(([a], [b]) => a - b)
    .map(([cluster, row]) => ({
      cluster,
      terms: (terms.get(cluster) ?? []).slice(0, 6),
      size: row.size,
      candidates: counts.get(cluster)?.candidates ?? null,
      quota: counts.get(cluster)?.quota ?? null,
      kept: kept === null ? null : row.kept,
      meanNecessity: row.scored === 0 ? null : roundHalfUp(row.sum / row.scored, 3),
    }));
}

function shortTexts(
  data: ReportData,
  rows: readonly number[],
): { question: string[] | null; answer: string[] | null; limit: number } {
  for (const limit of TEXT_LIMITS) {
    const cut = (texts: readonly string[] | undefined): string[] | null =>
      texts === undefined || limit === 0 ? null : rows.map((i) => shorten(texts[i] ?? '', limit));
    const question = cut(data.samples.question);
    const answer = cut(data.samples.answer);
    if (Buffer.byteLength(JSON.stringify([question, answer])) <= TEXT_BYTES || limit === 0)
      return { question, answer, limit: isCut(data, rows, limit) ? limit : 0 };
  }
  return { question: null, answer: null, limit: 0 };
}

function isCut(data: ReportData, rows: readonly number[], limit: number): boolean {
  const { question, answer } = data.samples;
  return rows.some((i) => (question?.[i]?.length ?? 0) > limit || (answer?.[i]?.length ?? 0) > limit);
}
