import type { BoxStyle } from './boxes.ts';
import { FAMILIES, rulesOf } from './families.ts';
import type { FamilyRecord } from './record.ts';

/** Names of families that were taught to write boxes. */
export const BOX_FAMILIES: readonly string[] = FAMILIES.filter(({ boxes }) => boxes !== undefined).map(
  ({ name }) => name,
);

/** How a family writes places in its answers; undefined where it wasn't taught to. */
export function boxStyleOf(family: FamilyRecord): BoxStyle | undefined {
  if (family.boxes === undefined) return undefined;
  const { frame, box, reference } = family.boxes;
  return {
    frame,
    resize: rulesOf(family, 'resized')[0],
    box:
      box === undefined ? undefined : (numbers) => fill(box, { points: pairs(numbers), numbers: numbers.join(', ') }),
    reference: reference === undefined ? undefined : (name) => fill(reference, { name }),
  };
}

/** `(x,y),(x,y)` */
const pairs = (numbers: readonly number[]): string =>
  Array.from({ length: numbers.length / 2 }, (_, i) => `(${numbers[2 * i]},${numbers[2 * i + 1]})`).join(',');

const fill = (pattern: string, values: Record<string, string>): string =>
  pattern.replace(/\{(\w+)\}/g, (_, name: string) => values[name]!);
