import { alignColumns } from './align-columns.ts';

/** Lines of aligned columns, the first to the left, the others to the right, indented by two, within a width. */
export function textTable(rows: readonly (readonly string[])[], width: number): string[] {
  return alignColumns(rows, { width: width - 2, right: (column) => column > 0 }).map((line) => `  ${line}`);
}
