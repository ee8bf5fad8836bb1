interface Rows {
  columns: readonly string[];
  rows: readonly (readonly unknown[])[];
}

const WIDEST = 60;

/** Columns aligned for a terminal, numbers to the right; a cell is cut where it would be too wide for the others. */
export function table({ columns, rows }: Rows, width: number): string {
  const cells = rows.map((row) => row.map((value) => plain(value)));
  const most = Math.max(12, Math.min(WIDEST, Math.floor(width / Math.max(1, Math.min(columns.length, 6)))));
  const widths = columns.map((name, c) =>
    Math.min(most, Math.max(plain(name).length, ...cells.map((row) => row[c]!.length))),
  );
  const isNumber = columns.map((_, c) => rows.length > 0 && rows.every((row) => row[c] === null || isNumeric(row[c])));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, c) => {
        const text = cut(cell, widths[c]!);
        return isNumber[c] ? text.padStart(widths[c]!) : text.padEnd(widths[c]!);
      })
      .join('  ')
      .trimEnd();
  const rule = widths.map((n) => '-'.repeat(n)).join('  ');
  return [line(columns.map(plain)), rule, ...cells.map(line), ...(rows.length === 0 ? ['(no rows)'] : [])].join('\n');
}

function isNumeric(value: unknown): boolean {
  return typeof value === 'number' || (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value));
}

/** One line without control characters: what stands in the data must not steer the terminal. */
export function plain(value: unknown): string {
  if (value === null) return '';
  const text =
    typeof value === 'number' && !Number.isInteger(value)
      ? String(Number(value.toPrecision(6)))
      : typeof value === 'object'
        ? JSON.stringify(value)
        : String(value);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 3))}...`;
}

/** `812 B`, `3.4 kB`, `1.2 GB`. */
export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const step = n < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(n) / 3));
  const value = n / 1000 ** step;
  return `${step === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[step]}`;
}
