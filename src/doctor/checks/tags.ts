import type { Message, Part, Role, Sample } from '../../dataset/sample.ts';
import { shown } from './texts.ts';

/** Placeholders that stand where they may not, or that real text has made. */

export type Media = Extract<Part, { type: 'image' | 'video' }>;

/** Placeholders beyond the media of their kind; 0 where there are not more. */
function surplus(sample: Sample, kind: Media['type']): number {
  const files = kind === 'image' ? sample.media.images : sample.media.videos;
  return Math.max(0, shown(sample, kind) - files.length);
}

/** Where a placeholder stands: `[turn, part]`. */
export type Place = readonly [number, number];

function placesOf(sample: Sample, is: (part: Media, place: Place, message: Message) => boolean): Place[] {
  return sample.messages.flatMap((message, turn) =>
    message.parts.flatMap((part, at) =>
      part.type !== 'text' && is(part, [turn, at], message) ? [[turn, at] as const] : [],
    ),
  );
}

export const untrained = (role: Role): boolean => role === 'user' || role === 'tool';

/** Placeholders in answers and system turns (D202). */
export function misplaced(sample: Sample): Place[] {
  return placesOf(sample, (_part, _place, message) => !untrained(message.role));
}

/**
 * Placeholders of user turns that are words of a sentence rather than media, in a row that has more placeholders than
 * media (D201): text goes on beside them on the same line.
 */
export function wordsLikeTags(sample: Sample): Place[] {
  const kinds = (['image', 'video'] as const).filter((kind) => surplus(sample, kind) > 0);
  if (kinds.length === 0) return [];
  return placesOf(sample, (part, [, at], message) => {
    if (!kinds.includes(part.type) || !untrained(message.role)) return false;
    const before = message.parts[at - 1];
    const after = message.parts[at + 1];
    const glued = before?.type === 'text' && /[^\n]$/.test(before.text) && /[\s("'`\u201c]$/.test(before.text);
    return glued || (after?.type === 'text' && /^[ \t.,;:?!)"'`\u201d]/.test(after.text));
  });
}

/** Words like tags can be told from media where there are just as many as there are too many. */
export function canEscapeWords(sample: Sample): boolean {
  const words = wordsLikeTags(sample).length;
  return words > 0 && words + misplaced(sample).length >= excess(sample) && words <= excess(sample);
}

/** Placeholders beyond the media. */
export function excess(sample: Sample): number {
  return surplus(sample, 'image') + surplus(sample, 'video');
}
