import { WinnowError } from '../../../base/errors.ts';
import { openAtomic } from '../../../base/files/atomic.ts';
import { withDiskErrors } from '../../../base/files/disk-errors.ts';
import { commitAs } from '../../../base/files/output-guard.ts';
import { npyHeader } from '../../../numeric/npy.ts';
import type { ExportedColumn, ValueSink } from './sink.ts';

/**
 * One column as an `.npy` array in the order of the rows: `(rows,)` of int32 or float32, or `(rows, width)` of float32.
 * @throws WinnowError `FORMAT_CANNOT_HOLD`
 */
export async function openNpyArray(path: string, columns: readonly ExportedColumn[], rows: number): Promise<ValueSink> {
  const [column] = columns;
  if (columns.length !== 1 || column === undefined || column.kind === 'text' || column.kind === 'list') {
    throw new WinnowError({
      code: 'FORMAT_CANNOT_HOLD',
      message:
        columns.length === 1
          ? `An .npy array holds numbers, and "${column?.name}" is ${column?.kind === 'text' ? 'text' : 'lists of several lengths'}.`
          : `An .npy array holds one column, and ${columns.length} are asked for.`,
      where: { file: path },
      hint: 'Name one column of numbers or vectors, or write .parquet or .jsonl.',
      exitCode: 2,
    });
  }
  const { name, kind, width } = column;
  const file = await openAtomic(path);
  await file.handle.writeFile(npyHeader(kind === 'i32' ? 'i4' : 'f4', width === 1 ? [rows] : [rows, width]));
  return {
    async write(block) {
      const { data } = block.columns[name]! as { data: Float32Array | Int32Array };
      await withDiskErrors(path, () =>
        file.handle.writeFile(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
      );
    },
    commit: (guard) => commitAs(file, guard),
    abort: file.abort,
  };
}
