import type { MediaCollection } from './collect.ts';
import type { Fault } from './faults.ts';
import type { ImageFacts } from './inspect-image.ts';

/** Files of one content from which on they are no accident: a server answered many addresses with the same picture. */
const MANY_FILES = 5;
/** Rows that share one image, from which on it is suspected ... */
const MANY_ROWS = 10;
/** ... where the other images have this many times fewer. */
const TIMES_USUAL = 10;

/** D108: one picture under many names, or used by far more rows than any other. By number of the medium. */
export function placeholderFaults(
  collection: MediaCollection,
  images: readonly (ImageFacts | undefined)[],
): Map<number, Fault[]> {
  const contents = new Map<string, { numbers: Set<number>; rows: number }>();
  collection.rows.forEach((_, index) => {
    const met = new Set<string>();
    for (const number of collection.mediaOf(index)) {
      const content = images[number]?.sha256;
      if (content === undefined) continue;
      let entry = contents.get(content);
      if (entry === undefined) {
        entry = { numbers: new Set(), rows: 0 };
        contents.set(content, entry);
      }
      entry.numbers.add(number);
      if (!met.has(content)) entry.rows++;
      met.add(content);
    }
  });
  const rowCounts = [...contents.values()].map(({ rows }) => rows).sort((a, b) => a - b);
  const usual = rowCounts[rowCounts.length >> 1] ?? 1;
  const faults = new Map<number, Fault[]>();
  for (const { numbers, rows } of contents.values()) {
    let detail: string | undefined;
    if (numbers.size >= MANY_FILES) detail = `the same picture under ${numbers.size} names, in ${rows} rows`;
    else if (contents.size > 1 && rows >= MANY_ROWS && rows >= TIMES_USUAL * usual)
      detail = `one picture for ${rows} rows, where others have ${usual}`;
    if (detail === undefined) continue;
    for (const number of numbers) faults.set(number, [{ code: 'D108', detail }]);
  }
  return faults;
}
