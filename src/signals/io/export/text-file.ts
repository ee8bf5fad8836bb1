import { openAtomic } from '../../../base/files/atomic.ts';
import { withDiskErrors } from '../../../base/files/disk-errors.ts';
import { commitAs } from '../../../base/files/output-guard.ts';
import type { ColumnBlock } from '../../../numeric/columns.ts';
import { type ExportedColumn, jsonValue, type ValueSink } from './sink.ts';

/** JSON lines: `{"id": ..., "column": ...}`. */
export function openJsonLines(file: string, columns: readonly ExportedColumn[]): Promise<ValueSink> {
  return openText(file, '', (block, ids, i) => {
    const values = columns.map(({ name }) => [name, jsonValue(block.columns[name]!, i)]);
    return `${JSON.stringify(Object.fromEntries([['id', ids[i]], ...values]))}\n`;
  });
}

/** CSV (RFC 4180) with a header; a vector is a JSON list in one cell. */
export function openCsv(file: string, columns: readonly ExportedColumn[]): Promise<ValueSink> {
  const head = `${['id', ...columns.map(({ name }) => name)].map(cell).join(',')}\r\n`;
  return openText(file, head, (block, ids, i) => {
    const values = columns.map(({ name }) => jsonValue(block.columns[name]!, i));
    return `${[ids[i], ...values].map(cell).join(',')}\r\n`;
  });
}

function cell(value: unknown): string {
  const text =
    value === null || value === undefined ? '' : Array.isArray(value) ? JSON.stringify(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

async function openText(
  path: string,
  head: string,
  line: (block: ColumnBlock, ids: readonly string[], i: number) => string,
): Promise<ValueSink> {
  const file = await openAtomic(path);
  await withDiskErrors(path, () => file.handle.writeFile(head));
  return {
    async write(block, ids) {
      const lines = Array.from({ length: block.rows }, (_, i) => line(block, ids, i));
      await withDiskErrors(path, () => file.handle.writeFile(lines.join('')));
    },
    commit: (guard) => commitAs(file, guard),
    abort: file.abort,
  };
}
