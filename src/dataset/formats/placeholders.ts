import type { Part } from '../sample.ts';

/** A part whose medium is not yet known by index. */
export type LoosePart = { type: 'text'; text: string } | { type: 'image' } | { type: 'video' };

const TAGS = { image: '<image>', video: '<video>' } as const;

const IMAGE_ONLY = /(<image>)/;
const BOTH = /(<image>|<video>)/;

export type MediaKind = keyof typeof TAGS;

/**
 * Split text on literal `<image>` / `<video>` tags. Exactly one newline is dropped on each side of a tag; what is left
 * empty makes no part. Kinds that the format doesn't know stay text (`image` is always known).
 */
export function splitPlaceholders(text: string, kinds: readonly MediaKind[]): LoosePart[] {
  if (!text.includes('<')) return text === '' ? [] : [{ type: 'text', text }];
  const pieces = text.split(kinds.includes('video') ? BOTH : IMAGE_ONLY);
  const parts: LoosePart[] = [];
  // `split` with one group alternates: text, tag, text, tag, ..., text.
  for (const [index, piece] of pieces.entries()) {
    if (index % 2 === 1) {
      parts.push({ type: piece === TAGS.image ? 'image' : 'video' });
      continue;
    }
    let body = piece;
    if (index > 0 && body.startsWith('\n')) body = body.slice(1);
    if (index < pieces.length - 1 && body.endsWith('\n')) body = body.slice(0, -1);
    if (body !== '') parts.push({ type: 'text', text: body });
  }
  return parts;
}

/** Parts as one string: each part, with one newline wherever another part follows. */
export function renderPlaceholders(parts: readonly Part[]): string {
  return parts.map((part) => (part.type === 'text' ? part.text : TAGS[part.type])).join('\n');
}

/** The tags that occur literally in text, where they would be read back as media. */
export function literalTags(parts: readonly Part[], kinds: readonly MediaKind[]): string[] {
  return kinds
    .map((kind) => TAGS[kind])
    .filter((tag) => parts.some((part) => part.type === 'text' && part.text.includes(tag)));
}
