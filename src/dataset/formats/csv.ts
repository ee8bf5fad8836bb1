/**
 * The rows of a CSV text with a heading, as objects of strings (RFC 4180: quoted fields hold commas, line breaks and
 * doubled quotes). Throws where a quote is never closed.
 */
export function parseCsv(text: string): Record<string, string>[] {
  const separator = separatorOf(text);
  const rows: string[][] = [];
  let row: string[] = [];
  const field = new RegExp(
    `(?:"([^"]*(?:""[^"]*)*)"|((?!")[^${separator}\\r\\n]*))(${separator}|\\r\\n|\\n|\\r|$)`,
    'y',
  );
  while (field.lastIndex < text.length || row.length > 0) {
    const at = field.lastIndex;
    const match = field.exec(text);
    if (match === null) throw new Error(`a quoted field that begins at character ${at} is not well formed`);
    row.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] === separator[separator.length - 1]) continue;
    if (row.length > 1 || row[0] !== '') rows.push(row);
    row = [];
  }
  const [heading = [], ...body] = rows;
  return body.map((cells) => Object.fromEntries(heading.map((name, index) => [name, cells[index] ?? ''])));
}

/** What separates the columns of the heading most often: a comma, semicolon, tab or bar; as a regular expression. */
function separatorOf(text: string): string {
  const [heading = ''] = text.split(/\r?\n|\r/, 1);
  const plain = heading.replace(/"[^"]*"/g, '');
  const counts = [',', ';', '\t', '|'].map((sign) => ({ sign, count: plain.split(sign).length }));
  const { sign } = counts.reduce((best, item) => (item.count > best.count ? item : best));
  return sign === '|' ? '\\|' : sign;
}
