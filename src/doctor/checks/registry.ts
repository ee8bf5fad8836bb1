import type { CheckGroup } from './check.ts';
import { columnMap } from './column-map.ts';
import { duplicates } from './duplicates.ts';
import { grounding } from './grounding.ts';
import { ids } from './ids.ts';
import { media } from './media-files.ts';
import { mentions } from './mentions.ts';
import { objectTags } from './object-tags.ts';
import { overlap } from './overlap.ts';
import { references } from './references.ts';
import { structure } from './structure.ts';
import { text } from './text.ts';
import { thinking } from './thinking.ts';

/**
 * Every group of checks, one line each. Fixes are made in this order: boxes by the images as they were, images while
 * they are known by the paths (or data URIs) of the row, data URIs into files last.
 */
export const groups: readonly CheckGroup[] = [
  structure,
  ids,
  columnMap,
  grounding,
  objectTags,
  media,
  references,
  text,
  mentions,
  thinking,
  duplicates,
  overlap,
];
