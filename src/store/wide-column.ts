import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { WinnowError } from '../base/errors.ts';
import { temporaryName } from '../base/files/atomic.ts';
import { withDiskErrors } from '../base/files/disk-errors.ts';
import { makeFolder } from '../base/files/make-folder.ts';
import type { VectorBlock, WideColumn } from '../numeric/columns.ts';
import type { Matrix } from '../numeric/linalg/matrix.ts';
import type { Project } from './project.ts';
import { readVectors, wholeShards } from './shard-read.ts';
import type { FoundColumn } from './signals.ts';

/** Numbers of a block: 64 MiB. Shards are smaller than that but for very wide columns. */
const BLOCK_NUMBERS = 2 ** 24;

/**
 * A stored column of vectors that is read one shard at a time. Rows in any order (`gather`) are read from a copy as
 * plain float32, which is made among the project's temporary files at the first such call, takes rows x width x 4 bytes
 * of disk, and goes when the project is closed.
 *
 * @throws WinnowError `SIGNAL_INCOMPLETE`, `COLUMN_KIND`; while reading `SHARD_DAMAGED`, `DISK_FULL`
 */
export function openWideColumn(project: Project, { stored, column }: FoundColumn): WideColumn {
  if (column.kind !== 'f32' && column.kind !== 'f16') {
    throw new WinnowError({
      code: 'COLUMN_KIND',
      message: `The column \`${column.name}\` holds ${column.kind}, but a vector a row is needed.`,
      hint: 'Name another column.',
      exitCode: 2,
    });
  }
  const { width } = column;
  const shards = wholeShards(stored);
  const blockRows = Math.max(1, Math.floor(BLOCK_NUMBERS / width));
  async function* blocks(): AsyncGenerator<VectorBlock> {
    for (const { path, start, end } of shards) {
      for (let first = start; first < end; first += blockRows) {
        const part = { start: first, end: Math.min(end, first + blockRows) };
        yield { start: first, matrix: await readVectors(project, path, column, part) };
      }
    }
  }
  return {
    rows: stored.dataset.rows,
    width,
    blocks,
    async gather(rows) {
      const key = `${shards.map((shard) => shard.key).join()}/${column.name}`;
      return readRows(await copyOnce(project, key, width, blocks), rows, width);
    },
  };
}

/** Copies that are open, by what they are copies of: methods that are run one after the other share them. */
const copies = new WeakMap<Project, Map<string, Promise<FileHandle>>>();

function copyOnce(
  project: Project,
  key: string,
  width: number,
  blocks: () => AsyncIterable<VectorBlock>,
): Promise<FileHandle> {
  const own = copies.get(project) ?? new Map<string, Promise<FileHandle>>();
  copies.set(project, own);
  const there = own.get(key);
  if (there !== undefined) return there;
  const copy = copyRows(join(project.paths.temporary, 'rows.f32'), width, blocks());
  own.set(key, copy);
  copy.catch(() => own.delete(key));
  project.onClose(async () => {
    own.delete(key);
    await (await copy).close();
  });
  return copy;
}

/** Writes all rows one after the other into a file whose name is taken away at once: it lives as long as it is open. */
async function copyRows(path: string, width: number, blocks: AsyncIterable<VectorBlock>): Promise<FileHandle> {
  const temporary = temporaryName(path);
  makeFolder(join(path, '..'));
  const file = await open(temporary, 'wx+');
  try {
    await withDiskErrors(temporary, async () => {
      for await (const { start, matrix } of blocks) {
        const bytes = bytesOf(matrix.data);
        for (let done = 0; done < bytes.length; ) {
          done += (await file.write(bytes, done, bytes.length - done, start * width * 4 + done)).bytesWritten;
        }
      }
    });
    return file;
  } catch (error) {
    await file.close();
    throw error;
  } finally {
    // Where an open file can't lose its name, it is swept with what other processes have left.
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}

/** Rows of such a file, consecutive ones at once. */
async function readRows(file: FileHandle, rows: ArrayLike<number>, width: number): Promise<Matrix> {
  const data = new Float32Array(rows.length * width);
  const bytes = bytesOf(data);
  const size = width * 4;
  for (let i = 0; i < rows.length; ) {
    const first = rows[i]!;
    let run = 1;
    while (i + run < rows.length && rows[i + run] === first + run) run++;
    for (let done = 0; done < run * size; ) {
      const { bytesRead } = await file.read(bytes, i * size + done, run * size - done, first * size + done);
      if (bytesRead === 0) throw new RangeError(`There is no row ${first} in a copied column.`);
      done += bytesRead;
    }
    i += run;
  }
  return { data, rows: rows.length, width };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
