import { type FileHandle, open } from 'node:fs/promises';
import { WinnowError } from '../../../base/errors.ts';
import type { Dataset } from '../../../dataset/dataset.ts';
import type { ColumnBlock } from '../../../numeric/columns.ts';
import { NPY_HEAD, type NpyHeader, npyBytes, npyNumbers, parseNpyHeader } from '../../../numeric/npy.ts';
import type { ColumnRecord } from '../../../store/shard-file.ts';
import type { ValueFile } from './source.ts';

const INTEGERS = /^[iu][1248]$|^b1$/;
/** Integers of these types may be beyond 32 bits. */
const LONG_INTEGERS = /^(i8|u[48])$/;
/** Rows whose integers are looked at together. */
const ROWS_AT_ONCE = 65_536;

/**
 * An `.npy` array of one number or vector a row, in the order of the data set's rows, quarantined ones included: it has
 * no ids.
 *
 * @throws WinnowError `SIGNAL_FILE_INVALID`, `ROWS_MISMATCH`; `COLUMN_TYPE` where integers are beyond 32 bits
 */
export async function openNpyFile(file: string, dataset: Dataset, name: string, half?: boolean): Promise<ValueFile> {
  const handle = await open(file, 'r');
  try {
    const { type, width, offset } = await readHead(handle, file, dataset);
    const rowBytes = npyBytes(type) * width;
    const isInteger = width === 1 && INTEGERS.test(type);
    if (isInteger && LONG_INTEGERS.test(type)) await checkRange(handle, file, type, offset, dataset.rows);
    const isHalved = width > 1 && (half ?? type === 'f2');
    const column: ColumnRecord = { name, kind: isInteger ? 'i32' : isHalved ? 'f16' : 'f32', width };
    return {
      columns: [column],
      measured: dataset.rows,
      missing: 0,
      unknown: 0,
      duplicates: 0,
      async *blocks(stretches): AsyncGenerator<ColumnBlock> {
        for (const { start, end } of stretches) {
          const bytes = Buffer.alloc((end - start) * rowBytes);
          await handle.read(bytes, 0, bytes.length, offset + start * rowBytes);
          const data = npyNumbers(type, bytes);
          const values = isInteger
            ? ({ kind: 'i32', width: 1, data: Int32Array.from(data) } as const)
            : ({ kind: 'f32', width, data: Float32Array.from(data) } as const);
          yield { start, rows: end - start, columns: { [name]: values } };
        }
      },
      [Symbol.asyncDispose]: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Refuses integers that 32 bits don't hold: they would be others than the file's. */
async function checkRange(
  handle: FileHandle,
  file: string,
  type: NpyHeader['type'],
  offset: number,
  rows: number,
): Promise<void> {
  let [low, high] = [0, 0];
  for (let start = 0; start < rows; start += ROWS_AT_ONCE) {
    const bytes = Buffer.alloc((Math.min(rows, start + ROWS_AT_ONCE) - start) * npyBytes(type));
    await handle.read(bytes, 0, bytes.length, offset + start * npyBytes(type));
    for (const value of npyNumbers(type, bytes)) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (low >= -(2 ** 31) && high < 2 ** 31) return;
  throw new WinnowError({
    code: 'COLUMN_TYPE',
    message: `This array has whole numbers from ${low} to ${high}, which can't be kept exactly.`,
    where: { file },
    hint: 'Save them as a text column of a table with ids, or scale them.',
    exitCode: 2,
  });
}

async function readHead(handle: FileHandle, file: string, dataset: Dataset) {
  const head = Buffer.alloc(NPY_HEAD);
  const { bytesRead } = await handle.read(head, 0, NPY_HEAD, 0);
  const header = parseNpyHeader(head.subarray(0, bytesRead));
  const refuse = (
    message: string,
    code = 'SIGNAL_FILE_INVALID',
    hint = 'Save an array of shape (rows,) or (rows, width) with numpy.save.',
  ) => new WinnowError({ code, message, where: { file }, hint, exitCode: 2 });
  if (typeof header === 'string') throw refuse(`This file can't be read as an array: ${header}`);
  const { type, shape, offset } = header;
  const [rows = 0, width = 1] = shape;
  if (shape.length < 1 || shape.length > 2 || width === 0)
    throw refuse(`This array has the shape (${shape.join(', ')}).`);
  if (rows !== dataset.rows) {
    throw refuse(
      `This array has ${rows} rows, and the data set "${dataset.name}" has ${dataset.rows}.`,
      'ROWS_MISMATCH',
      'An array is taken row by row, those that are set aside included; a file with ids (Parquet, JSON lines) may have others.',
    );
  }
  const { size } = await handle.stat();
  if (size < offset + rows * width * npyBytes(type)) throw refuse('This file is cut short.');
  return { type, width, offset };
}
