import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { WinnowError } from '../base/errors.ts';
import { hashSample } from '../dataset/canonical.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { resolveMedia } from '../dataset/media/media.ts';
import type { Sample } from '../dataset/sample.ts';
import { FINGERPRINT_BYTES } from './shard-trailer.ts';

const MARK_BYTES = 8;

/** Path, size and time of the media of every row, hashed to 8 bytes a row. Reads all rows, and no medium. */
export async function mediaMarks(dataset: Dataset, signal?: AbortSignal): Promise<Uint8Array> {
  const marks = new Uint8Array(dataset.rows * MARK_BYTES);
  const seen = new Map<string, string>();
  for await (const batch of dataset.batches({ size: 4096, signal })) {
    for (const [i, sample] of batch.samples.entries()) {
      if (sample === null) continue;
      const digest = createHash('sha256')
        .update(mediaText(dataset, sample, seen))
        .digest();
      marks.set(digest.subarray(0, MARK_BYTES), (batch.start + i) * MARK_BYTES);
    }
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

function mediaText(dataset: Dataset, sample: Sample, seen: Map<string, string>): string {
  return [...sample.media.images, ...sample.media.videos]
    .map(({ path }) => {
      let text = seen.get(path);
      if (text === undefined) {
        text = mediumText(dataset, path);
        if (path.length < 512) seen.set(path, text);
      }
      return text;
    })
    .join('\n');
}

function mediumText(dataset: Dataset, path: string): string {
  try {
    const media = resolveMedia(dataset, { path });
    if (media.kind === 'data') return createHash('sha256').update(media.bytes).digest('hex');
    const { size, mtimeMs } = statSync(media.path);
    return `${path}\0${size}\0${mtimeMs}`;
  } catch (error) {
    return `${path}\0${error instanceof WinnowError ? error.code : 'unreadable'}`;
  }
}
