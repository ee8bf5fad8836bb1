import pMap from 'p-map';
import type { Dataset } from '../dataset/dataset.ts';
import { shownSize, storedSize } from '../dataset/media/media-size.ts';
import type { Sample } from '../dataset/sample.ts';
import type { Project } from '../store/project.ts';
import { isImported, storedSignals } from '../store/signals.ts';
import { familyOf, fixedTokens, type ImageFamily, tokensOfImage, USUAL_IMAGE_TOKENS } from './image-tokens/families.ts';

/** Tokens of an image: the same number for each, or as a family of models counts them by its size. */
export type ImageRule = number | ImageFamily;

/** Headers read at once. */
const IN_FLIGHT = 8;

/** The rule that was given, else that of the model whose losses were measured last. */
export async function imageRule(project: Project, dataset: Dataset, given: ImageRule | undefined): Promise<ImageRule> {
  if (given !== undefined) return given;
  const stored = await storedSignals(project, dataset);
  const loss = stored.find(({ entry }) => entry.signal === 'loss' && !isImported(entry));
  return familyOf(String(loss?.entry.about.model ?? '')) ?? USUAL_IMAGE_TOKENS;
}

/** Counts tokens of images, each distinct one once. */
export interface ImageCounter {
  /** Of all images of each sample together. */
  count(samples: readonly (Sample | null)[]): Promise<Float64Array>;
  /** In words what was counted, and what could not be. */
  about(): string;
}

export function openImageCounter(dataset: Dataset, rule: ImageRule): ImageCounter {
  const fixed = typeof rule === 'number' ? rule : fixedTokens(rule);
  const known = new Map<string, number>();
  let unread = 0;
  const read = async (path: string): Promise<void> => {
    const size = await storedSize(dataset, path);
    const tokens = size === undefined ? Number.NaN : tokensOfImage(rule as ImageFamily, shownSize(size));
    if (Number.isNaN(tokens)) unread++;
    known.set(path, Number.isNaN(tokens) ? 0 : tokens);
  };
  return {
    async count(samples) {
      const pathsOf = (sample: Sample | null) => sample?.media.images.map(({ path }) => path) ?? [];
      if (fixed !== undefined) return Float64Array.from(samples, (sample) => fixed * pathsOf(sample).length);
      const fresh = [...new Set(samples.flatMap(pathsOf))].filter((path) => !known.has(path));
      await pMap(fresh, read, { concurrency: IN_FLIGHT });
      return Float64Array.from(samples, (sample) => pathsOf(sample).reduce((sum, path) => sum + known.get(path)!, 0));
    },
    about() {
      const of = typeof rule === 'number' ? `${rule} an image` : `images as ${rule} counts them`;
      const same = typeof rule === 'string' && fixed !== undefined ? ` (${fixed} each)` : '';
      return `${of}${same}${unread === 0 ? '' : ` (${unread} could not be read or are refused by it, and count as none)`}`;
    },
  };
}
