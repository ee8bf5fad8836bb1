import { isAbsolute, relative } from 'node:path';
import { WinnowError } from '../base/errors.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { resolveMedia } from '../dataset/media/media.ts';
import type { Sample } from '../dataset/sample.ts';

/** Rows of a data set as the worker reads them, one JSON object a line; rows that it set aside are left out. */
export async function sampleLines(dataset: Dataset, rows: readonly number[]): Promise<string> {
  const samples = await dataset.get([...rows]);
  return samples
    .flatMap((sample, i) => (sample === null ? [] : [`${JSON.stringify(workerSample(dataset, rows[i]!, sample))}\n`]))
    .join('');
}

/** A sample as the worker reads it, or with the reason why it can't. */
function workerSample(dataset: Dataset, row: number, sample: Sample): Record<string, unknown> {
  const messages = sample.messages.map(({ role, parts }) => ({ role, content: parts }));
  const base = { row, id: sample.id, messages };
  try {
    if (sample.media.videos.length > 0) {
      throw new WinnowError({
        code: 'VIDEO_UNSUPPORTED',
        message: 'The sample has a video, which is not measured.',
        hint: 'Leave samples with videos out: winnow filter.',
      });
    }
    const images = sample.media.images.map((ref) => {
      const media = resolveMedia(dataset, ref);
      return media.kind === 'file'
        ? pathInRoot(dataset, media.path)
        : `data:${media.mime};base64,${media.bytes.toString('base64')}`;
    });
    return { ...base, images };
  } catch (error) {
    if (!(error instanceof WinnowError)) throw error;
    return { ...base, images: [], error: { code: error.code, reason: error.message } };
  }
}

/** Paths inside the media root are written from there, so that shards do not depend on where the project lies. */
function pathInRoot(dataset: Dataset, path: string): string {
  const inside = relative(dataset.mediaRoot, path);
  return inside.startsWith('..') || isAbsolute(inside) ? path : inside;
}
