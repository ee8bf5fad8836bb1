import type { Sample } from '../../dataset/sample.ts';
import type { Target } from '../target.ts';

/** What some widely used tokenizer or template turns into something else than text. */
const COMMON = [
  '<image>',
  '<video>',
  '<|image_pad|>',
  '<|video_pad|>',
  '<|vision_start|>',
  '<|vision_end|>',
  '<|im_start|>',
  '<|im_end|>',
  '<|endoftext|>',
  '<s>',
  '</s>',
  '[INST]',
  '[/INST]',
  '<bbox>',
];
/** Placeholders that ms-swift fills from a row's `objects`: these rows mean them. */
const OBJECT_TAGS = new Set(['<bbox>', '<ref-object>']);

const patterns = new Map<string, RegExp>();

/**
 * Matches every special token that has no business in the text of this sample, whatever the target knows beside the
 * common ones. @param isSwift its trainer fills in places; D404 says where it can't
 */
export function specialTokens(target: Target | undefined, sample: Sample, isSwift: boolean): RegExp {
  const fillsPlaces = isSwift || (sample.meta.objects !== undefined && sample.meta.objects !== null);
  const key = `${target?.name} ${fillsPlaces}`;
  let pattern = patterns.get(key);
  if (pattern === undefined) {
    const tokens = [...new Set([...COMMON, ...(target?.specialTokens ?? [])])];
    const strange = fillsPlaces ? tokens.filter((token) => !OBJECT_TAGS.has(token)) : tokens;
    pattern = new RegExp(strange.map((token) => token.replace(/[|[\]]/g, '\\$&')).join('|'), 'g');
    patterns.set(key, pattern);
  }
  return pattern;
}
