const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{},:]/gs;

/**
 * The texts of the elements of a JSON array, or of keys and values of an object in turn, as they are spelled; the text
 * must be valid JSON.
 */
export function jsonPieces(text: string): string[] {
  const pieces: string[] = [];
  let depth = 0;
  let start = 0;
  const cut = (end: number): void => {
    const piece = text.slice(start, end).trim();
    if (piece !== '') pieces.push(piece);
    start = end + 1;
  };
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (token === '{' || token === '[') {
      if (depth++ === 0) start = index + 1;
    } else if (token === '}' || token === ']') {
      if (--depth === 0) cut(index);
    } else if (depth === 1 && (token === ',' || token === ':')) cut(index);
  }
  return pieces;
}

/** True where a JSON text has white space behind its commas or colons, as Python writes it. */
export function isSpaced(text: string): boolean {
  return /[,:]\s/.test(text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"/gs, '""'));
}
