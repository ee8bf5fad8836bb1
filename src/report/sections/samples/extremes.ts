import type { z } from 'zod';
import type { GalleryGroup } from '../../data.ts';

type Group = z.infer<typeof GalleryGroup>;

/** How many samples a group of the gallery shows. */
const GROUP_SIZE = 12;

/**
 * Rows worth looking at: the ends of the necessity scale, those nearest to zero and those at the thresholds.
 * Rows with the same question, answer and image path are shown once.
 *
 * @param necessity S of each row, nats/token; NaN: not measured
 * @param key what makes two rows look alike
 */
export function extremes(
  necessity: Float32Array,
  thresholds: { critical: number; misaligned: number },
  key: (row: number) => string,
  size = GROUP_SIZE,
): Group[] {
  const rows = [...necessity.keys()].filter((row) => Number.isFinite(necessity[row]));
  const pick = (distance: (s: number) => number, keep: (s: number) => boolean): number[] => {
    const seen = new Set<string>();
    const ordered = rows
      .filter((row) => keep(necessity[row]!))
      .sort((a, b) => distance(necessity[a]!) - distance(necessity[b]!) || a - b);
    const chosen: number[] = [];
    for (const row of ordered) {
      if (chosen.length === size) break;
      if (seen.has(key(row))) continue;
      seen.add(key(row));
      chosen.push(row);
    }
    return chosen;
  };
  const groups: Group[] = [
    {
      title: 'Most critical',
      about: 'Without the image the answer is far less likely. These teach a model to look.',
      class: 'critical',
      rows: pick(
        (s) => -s,
        (s) => s > thresholds.critical,
      ),
    },
    {
      title: 'Most misaligned',
      about: 'With the image the answer gets less likely: often the answer is wrong, or belongs to another picture.',
      class: 'misaligned',
      rows: pick(
        (s) => s,
        (s) => s < thresholds.misaligned,
      ),
    },
    {
      title: 'Most redundant',
      about: 'The image changes nothing: the text alone gives the answer, or the model uses neither.',
      class: 'redundant',
      rows: pick(
        (s) => Math.abs(s),
        (s) => s >= thresholds.misaligned && s <= thresholds.critical,
      ),
    },
    {
      title: 'At the threshold',
      about: 'The closest calls between critical and redundant.',
      rows: pick(
        (s) => Math.abs(s - thresholds.critical),
        () => true,
      ),
    },
  ];
  return groups.filter((group) => group.rows.length > 0);
}
