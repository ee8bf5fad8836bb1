// Written by scripts/write-registries.mjs from the files of this folder. Do not edit.
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

/** Every group of checks, in the order in which they fix. */
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
