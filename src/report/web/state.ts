import type { NecessityClass } from '../../select/kit/necessity-class.ts';
import { CLASSES } from '../format.ts';
import type { PageData } from '../page.ts';

export const page = JSON.parse(document.getElementById('report-data')!.textContent ?? '{}') as PageData;
export const { samples, summary } = page;
export const total = samples.id.length;

/** What the reader has chosen to see; the map and the table obey. */
export interface Filter {
  kept: boolean;
  dropped: boolean;
  classes: Set<NecessityClass>;
  fault: number | null;
  cluster: number | null;
  /** Necessity from (inclusive) to (exclusive), nats/token. */
  range: [number, number] | null;
  text: string;
}

export const filter: Filter = {
  kept: true,
  dropped: true,
  classes: new Set(CLASSES),
  fault: null,
  cluster: null,
  range: null,
  text: '',
};

type Listener = () => void;
const filterListeners: Listener[] = [];
const pinListeners: ((index: number | null) => void)[] = [];

export function onFilter(listener: Listener): void {
  filterListeners.push(listener);
}
export function filterChanged(): void {
  for (const listener of filterListeners) listener();
}
export function onPin(listener: (index: number | null) => void): void {
  pinListeners.push(listener);
}
export function pin(index: number | null): void {
  for (const listener of pinListeners) listener(index);
}

export function isKept(i: number): boolean {
  return samples.kept[i] === '1';
}
export function hasSelection(): boolean {
  return summary.selections.length > 0;
}
export function classAt(i: number): NecessityClass | null {
  return CLASSES[Number(samples.classes?.[i])] ?? null;
}

/** Whether the filter lets a sample through; `text` is looked at only by the table. */
export function passes(i: number): boolean {
  if (hasSelection() && !(isKept(i) ? filter.kept : filter.dropped)) return false;
  const name = classAt(i);
  if (name !== null && !filter.classes.has(name)) return false;
  if (filter.fault !== null && samples.fault?.index[i] !== filter.fault) return false;
  if (filter.cluster !== null && samples.cluster?.[i] !== filter.cluster) return false;
  if (filter.range !== null) {
    const s = samples.necessity?.[i];
    if (s === null || s === undefined || s < filter.range[0] || s >= filter.range[1]) return false;
  }
  return true;
}

export const indexOfId = new Map(samples.id.map((id, i) => [id, i]));
export const galleryOf = new Map(page.gallery.map((sample) => [sample.row, sample]));
export const clusterOf = new Map(page.clusters.map((cluster) => [cluster.cluster, cluster]));

/** `7 · color, circle` */
export function clusterName(cluster: number, terms = 3): string {
  const found = clusterOf.get(cluster);
  const words = found?.terms.slice(0, terms).join(', ') ?? '';
  return words === '' ? `cluster ${cluster}` : `${cluster} · ${words}`;
}
