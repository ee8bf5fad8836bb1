import type { Dataset } from '../dataset.ts';
import { loadIndex } from './index-file.ts';

/** How the rows of a data set differ from those of an earlier index of it, by id; JSON. */
export interface RowChanges {
  /** Rows whose id is new. */
  added: number;
  /** Rows whose id was there with another content. */
  edited: number;
  /** Ids that are gone. */
  removed: number;
  /** The first 20 of each; edited ones with their row as it is now. */
  first: { edited: { row: number; id: string }[]; removed: string[] };
}

const LISTED = 20;

/** What has changed since that index file was made; undefined where it can't be read. */
export function changesSince(indexFile: string, dataset: Dataset): RowChanges | undefined {
  const before = loadIndex(indexFile);
  if (before === undefined) return undefined;
  const changes: RowChanges = { added: 0, edited: 0, removed: 0, first: { edited: [], removed: [] } };
  for (let row = 0; row < dataset.rows; row++) {
    const id = dataset.ids[row]!;
    const was = before.ids.rowOf(id);
    if (was < 0) changes.added++;
    else if (Buffer.from(before.hashes.buffer, was * 32, 32).toString('hex') !== dataset.rowHash(row)) {
      changes.edited++;
      if (changes.edited <= LISTED) changes.first.edited.push({ row, id });
    }
  }
  for (let was = 0; was < before.rows; was++) {
    const id = before.ids.at(was);
    if (dataset.rowOf(id) >= 0) continue;
    changes.removed++;
    if (changes.removed <= LISTED) changes.first.removed.push(id);
  }
  return changes;
}

/** `2 rows edited (17 "a", 20 "b"), 100 added, 1 removed ("c")`. */
export function describeChanges({ added, edited, removed, first }: RowChanges): string {
  const rest = (all: number, listed: readonly unknown[]): string =>
    all > listed.length ? ` and ${all - listed.length} more` : '';
  const quoted = first.removed.map((id) => `"${id}"`);
  const parts = [
    ...(edited === 0
      ? []
      : [
          `${edited} edited (${first.edited.map(({ row, id }) => `row ${row} "${id}"`).join(', ')}${rest(edited, first.edited)})`,
        ]),
    ...(added === 0 ? [] : [`${added} added`]),
    ...(removed === 0 ? [] : [`${removed} removed (${quoted.join(', ')}${rest(removed, quoted)})`]),
  ];
  return parts.length === 0 ? 'the same rows in another order' : parts.join(', ');
}
