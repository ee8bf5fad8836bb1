import { allMessages, type Message, type Part, type Sample } from '../sample.ts';

/** A part whose medium is not yet known by index. */
export type LoosePart = { type: 'text'; text: string } | { type: 'image' } | { type: 'video' };

/**
 * The column of `meta` that keeps what stands around the `<image>` and `<video>` tags of a text where that is other
 * than one newline: a list as long as the messages (and, behind them, the turns of a rejected answer), null where the
 * usual stands; else one text more than the message has parts, from before the first to behind the last.
 */
export const GAPS_COLUMN = 'tag_gaps';

const TAGS = { image: '<image>', video: '<video>' } as const;

const IMAGE_ONLY = /(<image>)/;
const BOTH = /(<image>|<video>)/;

export type MediaKind = keyof typeof TAGS;

/**
 * Split text on literal `<image>` / `<video>` tags. Exactly one newline is dropped on each side of a tag; what is left
 * empty makes no part. `gaps` says what was dropped, where that is other than one newline between parts and nothing
 * around them. Kinds that the format doesn't know stay text (`image` is always known).
 */
export function splitPlaceholders(text: string, kinds: readonly MediaKind[]): { parts: LoosePart[]; gaps?: string[] } {
  if (!text.includes('<')) return { parts: text === '' ? [] : [{ type: 'text', text }] };
  const pieces = text.split(kinds.includes('video') ? BOTH : IMAGE_ONLY);
  const parts: LoosePart[] = [];
  const gaps = [''];
  // `split` with one group alternates: text, tag, text, tag, ..., text.
  for (const [index, piece] of pieces.entries()) {
    if (index % 2 === 1) {
      parts.push({ type: piece === TAGS.image ? 'image' : 'video' });
      gaps.push('');
      continue;
    }
    const before = index > 0 && piece.startsWith('\n') ? '\n' : '';
    const rest = piece.slice(before.length);
    const after = index < pieces.length - 1 && rest.endsWith('\n') ? '\n' : '';
    const body = rest.slice(0, rest.length - after.length);
    gaps[parts.length] += before;
    if (body !== '') {
      parts.push({ type: 'text', text: body });
      gaps.push('');
    }
    gaps[parts.length] += after;
  }
  return gaps.every((gap, index) => gap === usualGap(index, parts.length)) ? { parts } : { parts, gaps };
}

/** What stands before the part of that number, or behind the last one. */
function usualGap(index: number, parts: number): string {
  return index > 0 && index < parts ? '\n' : '';
}

/** Parts as one string: with one newline wherever another part follows, unless `gaps` says otherwise. */
export function renderPlaceholders(
  parts: readonly Part[],
  gaps?: readonly string[],
  video: string = TAGS.video,
): string {
  const tags = { image: TAGS.image, video };
  const texts = parts.map((part) => (part.type === 'text' ? part.text : tags[part.type]));
  if (gaps?.length !== parts.length + 1) return texts.join('\n');
  return texts.map((text, index) => gaps[index]! + text).join('') + gaps.at(-1)!;
}

/** A message as the text that stood in its file. */
export function renderMessage(sample: Sample, message: Message, video?: string): string {
  return renderPlaceholders(message.parts, gapsOf(sample, message), video);
}

function gapsOf(sample: Sample, message: Message): string[] | undefined {
  const all = sample.meta[GAPS_COLUMN];
  if (!Array.isArray(all)) return undefined;
  const messages = allMessages(sample);
  // Turns that were taken out or put in since have others at their places.
  if (all.length !== messages.length) return undefined;
  const own: unknown = all[messages.indexOf(message)];
  return Array.isArray(own) && own.every((gap) => typeof gap === 'string') ? own : undefined;
}

/** The tags that occur literally in text, where they would be read back as media. */
export function literalTags(parts: readonly Part[], kinds: readonly MediaKind[]): string[] {
  return kinds
    .map((kind) => TAGS[kind])
    .filter((tag) => parts.some((part) => part.type === 'text' && part.text.includes(tag)));
}
