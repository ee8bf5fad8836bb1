import stringWidth from 'string-width';
import wrapAnsi from 'wrap-ansi';

/** Columns give way to one another down to this. */
const NARROWEST = 6;

export interface ColumnLayout {
  /** Columns that a line may take. */
  width: number;
  /** Whether a column's cells stand at its right side. */
  right: (column: number) => boolean;
  /** Draw a line below the first row. @default false */
  rule?: boolean;
}

/**
 * Rows with their columns aligned, two spaces between. Where a line would be too wide the widest columns give way, and
 * their cells are broken over several lines: nothing is cut off.
 */
export function alignColumns(
  rows: readonly (readonly string[])[],
  { width, right, rule = false }: ColumnLayout,
): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, c) => Math.max(...rows.map((row) => stringWidth(row[c] ?? ''))));
  let over = widths.reduce((sum, w) => sum + w, 0) + 2 * (columns - 1) - width;
  while (over > 0 && Math.max(...widths) > NARROWEST) {
    widths[widths.indexOf(Math.max(...widths))]!--;
    over--;
  }
  const pad = (text: string, c: number): string => {
    const space = ' '.repeat(Math.max(0, widths[c]! - stringWidth(text)));
    return right(c) ? space + text : text + space;
  };
  const drawnRule = rule ? [widths.map((n) => '-'.repeat(n)).join('  ')] : [];
  return rows.flatMap((row, r) => {
    const cells = widths.map((columnWidth, c) => cellLines(row[c] ?? '', columnWidth));
    const height = Math.max(1, ...cells.map((lines) => lines.length));
    const lines = Array.from({ length: height }, (_, l) =>
      cells
        .map((cell, c) => pad(cell[l] ?? '', c))
        .join('  ')
        .trimEnd(),
    );
    return r === 0 ? [...lines, ...drawnRule] : lines;
  });
}

function cellLines(text: string, width: number): string[] {
  return stringWidth(text) <= width
    ? [text]
    : wrapAnsi(text, Math.max(1, width), { hard: true, trim: true }).split('\n');
}
