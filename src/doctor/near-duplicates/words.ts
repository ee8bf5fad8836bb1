/** Words of the text that was read last; the arrays are used again by the next reading. */
export interface Words {
  /** One 32-bit hash a word, in order. */
  hashes: Uint32Array;
  /** The words themselves with a blank behind each, in UTF-16. */
  letters: Uint16Array;
}

/**
 * What a UTF-16 unit is in a text. `ALONE`: a word of its own, in scripts without spaces. `PAIR`: the first half of a
 * character beyond U+FFFF.
 */
const [OTHER, LETTER, ALONE, SIGN, PAIR] = [0, 1, 2, 3, 4];

const IS_ALONE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u;
const IS_LETTER = /[\p{L}\p{M}\p{N}_]/u;
const SIGNS = '+-*/=<>^%';
/** A sign between numbers. */
const BEFORE_NUMBER = /\s*[\p{N}(]/uy;

function kindOf(point: number): number {
  if (point >= 0xd800 && point < 0xdc00) return PAIR;
  const character = String.fromCodePoint(point);
  if (IS_ALONE.test(character)) return ALONE;
  if (IS_LETTER.test(character)) return LETTER;
  return SIGNS.includes(character) ? SIGN : OTHER;
}

let kinds: Uint8Array | undefined;
let letters = new Uint16Array(1 << 12);
let hashes = new Uint32Array(1 << 10);

/**
 * Text as it is compared: NFKC, lower case, words and numbers only. Signs between numbers stay (`3-2` isn't `3+2`). A
 * sign of a script without spaces is a word. One pass without a string for each word: a data set has a hundred million
 * of them.
 */
export function readWords(text: string): Words {
  kinds ??= Uint8Array.from({ length: 1 << 16 }, (_, unit) => kindOf(unit));
  const folded = fold(text);
  if (letters.length < 2 * folded.length) letters = new Uint16Array(3 * folded.length);
  if (hashes.length < folded.length) hashes = new Uint32Array(2 * folded.length);
  let [end, count] = [0, 0];
  let hash = FNV_OFFSET;
  for (let at = 0; at <= folded.length; at++) {
    let unit = at < folded.length ? folded.charCodeAt(at) : 0;
    let kind = kinds[unit]!;
    if (kind === PAIR && IS_LETTER.test(String.fromCodePoint(folded.codePointAt(at)!))) {
      letters[end++] = unit;
      hash = step(hash, unit);
      unit = folded.charCodeAt(++at);
      kind = LETTER;
    }
    if (kind === LETTER) {
      letters[end++] = unit;
      hash = step(hash, unit);
      continue;
    }
    if (end > 0 && letters[end - 1] !== BLANK) {
      letters[end++] = BLANK;
      hashes[count++] = mix(hash);
      hash = FNV_OFFSET;
    }
    if (kind === ALONE || (kind === SIGN && standsBeforeNumber(folded, at + 1))) {
      letters[end++] = unit;
      letters[end++] = BLANK;
      hashes[count++] = mix(step(FNV_OFFSET, unit));
    }
  }
  return { hashes: hashes.subarray(0, count), letters: letters.subarray(0, end) };
}

const BLANK = 0x20;

/** A word's hash is FNV-1a over its UTF-16 units, then mixed. */
const FNV_OFFSET = 0x811c9dc5;
const step = (hash: number, unit: number): number => Math.imul(hash ^ unit, 0x01000193);

function fold(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
  return (/^[\x00-\x7f]*$/.test(text) ? text : text.normalize('NFKC')).toLowerCase();
}

function standsBeforeNumber(text: string, at: number): boolean {
  BEFORE_NUMBER.lastIndex = at;
  return BEFORE_NUMBER.test(text);
}

/** Every bit of the result depends on every bit of the word (the finaliser of MurmurHash3). */
export function mix(word: number): number {
  let h = word ^ (word >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
