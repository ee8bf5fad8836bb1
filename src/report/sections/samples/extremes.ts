import type { z } from 'zod';
import type { ClassThresholds, NecessityClass } from '../../../select/kit/necessity-class.ts';
import type { GalleryGroup } from '../../data.ts';

type Group = z.infer<typeof GalleryGroup>;

/** How many samples a group of the gallery shows. */
const GROUP_SIZE = 12;

/**
 * Rows worth looking at: the ends of the necessity scale, those nearest to zero and those at the thresholds.
 * Rows with the same question, answer and image path are shown once.
 *
 * @param necessity S of each row, nats/token; NaN: not measured
 * @param classes of the rows; those without an image are not shown
 * @param key what makes two rows look alike
 */
export function extremes(
  necessity: Float32Array,
  classes: readonly (NecessityClass | undefined)[],
  thresholds: Pick<ClassThresholds, 'critical'>,
  key: (row: number) => string,
  size = GROUP_SIZE,
): Group[] {
  const rows = [...necessity.keys()].filter((row) => Number.isFinite(necessity[row]) && classes[row] !== 'text-only');
  const pick = (distance: (s: number) => number, name?: NecessityClass): number[] => {
    const seen = new Set<string>();
    const ordered = rows
      .filter((row) => name === undefined || classes[row] === name)
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
      about: 'Without the image the answer is far less likely.',
      class: 'critical',
      rows: pick((s) => -s, 'critical'),
    },
    {
      title: 'Most misaligned',
      about: 'With the image the answer gets less likely.',
      class: 'misaligned',
      rows: pick((s) => s, 'misaligned'),
    },
    {
      title: 'Most redundant',
      about: 'The image changes nothing, and the text alone gives the answer.',
      class: 'redundant',
      rows: pick((s) => Math.abs(s), 'redundant'),
    },
    {
      title: 'Neither helps',
      about: 'The image changes nothing, and the text does not give the answer either.',
      class: 'neither',
      rows: pick((s) => Math.abs(s), 'neither'),
    },
    {
      title: 'At the threshold',
      about: 'The closest calls between critical and redundant.',
      rows: pick((s) => Math.abs(s - thresholds.critical)),
    },
  ];
  return groups.filter((group) => group.rows.length > 0);
}
