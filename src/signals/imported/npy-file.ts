import { type FileHandle, open } from 'node:fs/promises';
import type { Dataset } from '../../dataset/dataset.ts';
import { WinnowError } from '../../dataset/errors.ts';
import type { ColumnBlock } from '../../numeric/columns.ts';
import { NPY_HEAD, npyBytes, npyFloats, parseNpyHeader } from '../../numeric/npy.ts';
import type { ColumnRecord } from '../../store/shard-file.ts';
import type { ValueFile } from './source.ts';

/** Integers up to this many bytes fit into 32 bits. */
const INTEGERS = /^(i[124]|u[12]|b1)$/;

/**
 * An `.npy` array of one number or vector a row, in the order of the data set's rows, quarantined ones included: it has no ids.
 *
 * @throws WinnowError `SIGNAL_FILE_INVALID`, `ROWS_MISMATCH`
 */
export async function openNpyFile(file: string, dataset: Dataset, name: string, half?: boolean): Promise<ValueFile> {
  const handle = await open(file, 'r');
  try {
    const { type, width, offset } = await readHead(handle, file, dataset);
    const rowBytes = npyBytes(type) * width;
    const isInteger = width === 1 && INTEGERS.test(type);
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
          const data = npyFloats(type, bytes);
          const values = isInteger
            ? ({ kind: 'i32', width: 1, data: Int32Array.from(data) } as const)
            : ({ kind: 'f32', width, data } as const);
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

async function readHead(handle: FileHandle, file: string, dataset: Dataset) {
  const head = Buffer.alloc(NPY_HEAD);
  const { bytesRead } = await handle.read(head, 0, NPY_HEAD, 0);
  const header = parseNpyHeader(head.subarray(0, bytesRead));
  const refuse = (
    message: string,
    code = 'SIGNAL_FILE_INVALID',
    hint = 'Save an array of shape (rows,) or (rows, width) with numpy.save.',
  ) => new WinnowError({ code, message, where: { file }, hint, exitCode: 2 });
  if (typeof header === 'string') throw refuse(`this file can't be read as an array: ${header}`);
  const { type, shape, offset } = header;
  const [rows = 0, width = 1] = shape;
  if (shape.length < 1 || shape.length > 2 || width === 0)
    throw refuse(`this array has the shape (${shape.join(', ')})`);
  if (rows !== dataset.rows) {
    throw refuse(
      `this array has ${rows} rows, and the data set "${dataset.name}" has ${dataset.rows}`,
      'ROWS_MISMATCH',
      'An array is taken row by row, those that are set aside included; a file with ids (Parquet, JSON lines) may have others.',
    );
  }
  const { size } = await handle.stat();
  if (size < offset + rows * width * npyBytes(type)) throw refuse('this file is cut short');
  return { type, width, offset };
}
