import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { WinnowError } from '../base/errors.ts';
import { hashSample } from '../dataset/canonical.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { resolveMedia } from '../dataset/media/media.ts';
import { FINGERPRINT_BYTES } from './shard-trailer.ts';

const MARK_BYTES = 8;

/** Path, size and time of the media of every row, hashed to 8 bytes a row. Reads no row and no medium. */
export function mediaMarks(dataset: Dataset, signal?: AbortSignal): Uint8Array {
  const { rows, media } = dataset;
  const marks = new Uint8Array(rows * MARK_BYTES);
  const texts = new Array<string | undefined>(media.size);
  for (let row = 0; row < rows; row++) {
    if (row % 4096 === 0) signal?.throwIfAborted();
    if ((dataset.rowFlags[row]! & 1) !== 0) continue;
    let text = '';
    for (const [i, medium] of media.of(row).entries()) {
      texts[medium] ??= mediumText(dataset, media.at(medium));
      text += i === 0 ? texts[medium] : `\n${texts[medium]}`;
    }
    marks.set(createHash('sha256').update(text).digest().subarray(0, MARK_BYTES), row * MARK_BYTES);
  }
  return marks;
}

/** Hash of the media of the rows `[start, end)`. */
export function hashMedia(marks: Uint8Array, start: number, end: number): string {
  return createHash('sha256')
    .update(marks.subarray(start * MARK_BYTES, end * MARK_BYTES))
    .digest('hex');
}

/**
 * What stands for all that the numbers of a row depend on: what its sample says, and the media where `marks` has them.
 * The id is no part of it, since ids made of row numbers change when rows are inserted. Rows that can't be read have
 * zeros.
 */
export async function fingerprintRows(
  dataset: Dataset,
  { start, end }: { start: number; end: number },
  marks?: Uint8Array,
): Promise<Uint8Array> {
  const prints = new Uint8Array((end - start) * FINGERPRINT_BYTES);
  const samples = await dataset.get(Array.from({ length: end - start }, (_, i) => start + i));
  for (const [i, sample] of samples.entries()) {
    if (sample === null) continue;
    const hash = createHash('sha256').update(hashSample({ ...sample, id: '' }));
    if (marks !== undefined) hash.update(marks.subarray((start + i) * MARK_BYTES, (start + i + 1) * MARK_BYTES));
    prints.set(hash.digest().subarray(0, FINGERPRINT_BYTES), i * FINGERPRINT_BYTES);
  }
  return prints;
}

function mediumText(dataset: Dataset, path: string): string {
  try {
    if (path.startsWith('\0')) return path.slice(1);
    const media = resolveMedia(dataset, { path });
    if (media.kind === 'data') return createHash('sha256').update(media.bytes).digest('hex');
    const { size, mtimeMs } = statSync(media.path);
    return `${path}\0${size}\0${mtimeMs}`;
  } catch (error) {
    return `${path}\0${error instanceof WinnowError ? error.code : 'unreadable'}`;
  }
}
