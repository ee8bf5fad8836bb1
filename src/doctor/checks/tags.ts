import type { Message, Part, Role, Sample } from '../../dataset/sample.ts';
import { shown } from './texts.ts';

/** Placeholders that stand where they may not, or that real text has made. */

type Media = Extract<Part, { type: 'image' | 'video' }>;

const TAG = { image: '<image>', video: '<video>' } as const;

/** A tag that no reader takes for one: a zero-width space after its first character. */
export function escaped(tag: string): string {
  return `${tag[0]}\u200b${tag.slice(1)}`;
}

/** Placeholders beyond the media of their kind; 0 where there are not more. */
function surplus(sample: Sample, kind: Media['type']): number {
  const files = kind === 'image' ? sample.media.images : sample.media.videos;
  return Math.max(0, shown(sample, kind) - files.length);
}

/** Where a placeholder stands: `[turn, part]`. */
type Place = readonly [number, number];

function placesOf(sample: Sample, is: (part: Media, place: Place, message: Message) => boolean): Place[] {
  return sample.messages.flatMap((message, turn) =>
    message.parts.flatMap((part, at) =>
      part.type !== 'text' && is(part, [turn, at], message) ? [[turn, at] as const] : [],
    ),
  );
}

const untrained = (role: Role): boolean => role === 'user' || role === 'tool';

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

function excess(sample: Sample): number {
  return surplus(sample, 'image') + surplus(sample, 'video');
}

/** The sample with such words as words, or null where they can't be told from media. */
export function withWordsEscaped(sample: Sample): Sample | null {
  if (!canEscapeWords(sample)) return null;
  return replaceAt(sample, wordsLikeTags(sample), (part) => escaped(TAG[part.type]));
}

/**
 * What is too many of misplaced placeholders goes, the others move to the front of the first user turn; null: they
 * can't.
 */
export function withoutMisplaced(sample: Sample): Sample | null {
  const places = misplaced(sample);
  const tooMany = excess(sample);
  if (places.length < Math.max(1, tooMany)) return null;
  const fewer = tooMany === 0 ? sample : replaceAt(sample, places.slice(places.length - tooMany), () => '');
  return misplaced(fewer).length === 0 ? fewer : moveToUser(fewer);
}

function moveToUser(sample: Sample): Sample | null {
  const at = sample.messages.findIndex((message) => message.role === 'user');
  if (at < 0) return null;
  const moved = misplaced(sample).map(([turn, part]) => sample.messages[turn]!.parts[part] as Media);
  const cleared = sample.messages.map((message): Message => {
    if (untrained(message.role)) return message;
    return { ...message, parts: message.parts.filter((part) => part.type === 'text') };
  });
  const messages = cleared.map(
    (message, index): Message => (index === at ? { ...message, parts: [...moved, ...message.parts] } : message),
  );
  return { ...sample, messages };
}

/** Placeholders become text (or nothing), and those that stay are counted anew from left to right. */
function replaceAt(sample: Sample, places: readonly Place[], text: (part: Media) => string): Sample {
  const chosen = new Map<number, Set<number>>();
  for (const [turn, at] of places) chosen.set(turn, (chosen.get(turn) ?? new Set()).add(at));
  const isPlace = (turn: number, at: number): boolean => chosen.get(turn)?.has(at) === true;
  const next = { image: 0, video: 0 };
  const messages = sample.messages.map((message, turn): Message => {
    const parts: Part[] = [];
    let pieces: string[] = [];
    const flush = (): void => {
      if (pieces.length > 0) parts.push({ type: 'text', text: pieces.join('') });
      pieces = [];
    };
    for (const [at, part] of message.parts.entries()) {
      if (part.type === 'text' || isPlace(turn, at)) {
        const words = part.type === 'text' ? part.text : text(part);
        if (words !== '') glue(pieces, words);
        continue;
      }
      flush();
      parts.push(
        part.type === 'image' ? { type: 'image', image: next.image++ } : { type: 'video', video: next.video++ },
      );
    }
    flush();
    return { ...message, parts };
  });
  return { ...sample, messages };
}

/** Adds a piece to a line; where both sides bring a space at the seam one is enough. */
function glue(pieces: string[], words: string): void {
  if (/^\s/.test(words))
    while (pieces.length > 0) {
      const last = pieces.pop()!.trimEnd();
      if (last === '') continue;
      pieces.push(last);
      break;
    }
  pieces.push(words);
}
