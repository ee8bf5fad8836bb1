import { randomInt } from 'node:crypto';

/**
 * Characters by which text steers a terminal or shows itself as other text: control characters but line end and tab,
 * marks and overrides of direction, what has no width and joins nothing, separators of lines.
 */
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/**
 * Parameters that mark an escape sequence as ours: no data can hold what each process draws anew. What measures the
 * width of text takes a sequence with them for a sequence still.
 */
const OWN = Array.from({ length: 4 }, () => randomInt(1000, 10_000)).join(';');
const OWN_BLOCK = `\u001b[${OWN}m`;
const OWN_STYLE = new RegExp(`(\u001b\\[${OWN};[\\d;]*m)`);

/** Marks an escape sequence (a picture, a link) as ours, so that {@link terminalText} lets it through. */
export function ownEscape(sequence: string): string {
  return `${OWN_BLOCK}${sequence}${OWN_BLOCK}`;
}

/** Marks sequences of colours and styles (`\u001b[31m`) as ours. */
export function ownStyle(sequences: string): string {
  return sequences.replaceAll('\u001b[', `\u001b[${OWN};`);
}

/** Text in a colour or style (SGR parameters, as `31` or `1;34`), for what goes through {@link terminalText}. */
export function styled(parameters: string, text: string): string {
  return `${ownStyle(`\u001b[${parameters}m`)}${text}${ownStyle('\u001b[0m')}`;
}

/**
 * Text as it may reach a terminal: what could steer it (escape sequences, direction of writing, invisible characters)
 * is spelled out as `\u001b`. Line ends, tabs and our own sequences stay. Everything that is printed passes here.
 */
export function terminalText(text: string): string {
  const clean = (piece: string): string =>
    piece
      .split(OWN_STYLE)
      .map((part, i) => (i % 2 === 1 ? part.replace(`${OWN};`, '') : part.replace(UNSAFE, spelled)))
      .join('');
  return text
    .split(OWN_BLOCK)
    .map((piece, i) => (i % 2 === 1 ? piece : clean(piece)))
    .join('');
}

/** Text of data where one line is expected: also line ends are spelled out, so that no line can be made up. */
export function oneLine(text: string): string {
  return text.replace(/[\r\n]/g, spelled);
}

/** JSON text that prints nothing which steers a terminal; it parses to the same values. */
export function safeJson(json: string): string {
  return json.replace(UNSAFE, spelled);
}

function spelled(character: string): string {
  const units = Array.from({ length: character.length }, (_, i) => character.charCodeAt(i));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}
