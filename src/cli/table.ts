import { terminalText } from '../base/terminal-text.ts';
import { alignColumns } from '../report/align-columns.ts';

interface Rows {
  columns: readonly string[];
  rows: readonly (readonly unknown[])[];
}

/** Columns aligned for a terminal of a width, numbers to the right; cells that are too wide are broken over lines. */
export function table({ columns, rows }: Rows, width: number): string {
  const cells = [columns.map(plain), ...rows.map((row) => row.map(plain))];
  const isNumber = columns.map((_, c) => rows.length > 0 && rows.every((row) => row[c] === null || isNumeric(row[c])));
  const lines = alignColumns(cells, { width, right: (column) => isNumber[column] === true, rule: true });
  return [...lines, ...(rows.length === 0 ? ['(no rows)'] : [])].join('\n');
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
  return terminalText(text.replace(/[\r\n\t]+/g, ' '));
}
