import type { Message, Part, Sample } from '../../dataset/sample.ts';
import { canEscapeWords, excess, type Media, misplaced, type Place, untrained, wordsLikeTags } from '../checks/tags.ts';

const TAG = { image: '<image>', video: '<video>' } as const;

/** A tag that no reader takes for one: a zero-width space after its first character. */
export function escaped(tag: string): string {
  return `${tag[0]}\u200b${tag.slice(1)}`;
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
