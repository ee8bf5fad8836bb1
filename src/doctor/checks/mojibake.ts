/**
 * UTF-8 that was once read as Windows-1252 or Latin-1: `Ã©` for é, `â€™` for ’. A lead and its continuation bytes are
 * looked for as the characters that those code pages make of them; leads that are rare in real text count alone, others
 * only in pairs.
 */

/** Windows-1252's characters for 0x80 to 0x9F; its five holes stay what they are in Latin-1. */
const HIGH = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';
const BYTES = new Map([...HIGH].map((char, index) => [char, 0x80 + index]));
/** A continuation byte in either code page. */
const TAIL = `[\\u0080-\\u00bf${HIGH.replace(/[\u0080-\u009f]/g, '')}]`;
const PATTERN = new RegExp(
  [
    `[\\u00c2\\u00c3]${TAIL}`,
    `\\u00e2${TAIL}${TAIL}`,
    `\\u00ef[\\u00bb\\u00bc\\u00bd]${TAIL}`,
    `\\u00f0[\\u009f\\u0178]${TAIL}${TAIL}`,
    `(?:[\\u00c4\\u00c5\\u00ce-\\u00d1]${TAIL}){2,}`,
  ].join('|'),
  'g',
);
const DECODER = new TextDecoder('utf-8', { fatal: true });

function byteOf(char: string): number {
  return BYTES.get(char) ?? char.charCodeAt(0);
}

function decoded(match: string): string {
  try {
    const text = DECODER.decode(Uint8Array.from(match, byteOf));
    // What becomes a control character was none of this.
    return /\p{Cc}/u.test(text) ? match : text;
  } catch {
    return match;
  }
}

/** The text with every such sequence read rightly; itself where there is none. */
export function withoutMojibake(text: string): string {
  return text.replace(PATTERN, decoded);
}

/** The first such sequence, or undefined. */
export function firstMojibake(text: string): string | undefined {
  return text.match(PATTERN)?.find((match) => decoded(match) !== match);
}
