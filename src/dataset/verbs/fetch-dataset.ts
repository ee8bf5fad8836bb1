import type { Quarantined } from '../../base/errors.ts';
import type { Dataset, SampleBatch } from '../dataset.ts';
import type { FetchLimits } from '../media/fetch.ts';
import { type FetchCount, type MediaCache, remoteMedia, unfetchedRows } from '../media/media-cache.ts';
import type { Sample } from '../sample.ts';

/** What `--fetch` takes beside the folder. */
export type FetchOptions = Omit<FetchLimits, 'signal'>;

/**
 * Fetch the media that a data set names by URL, and set the rows aside for which that failed, each with its reason.
 *
 * @returns the data set with its fetched media, and the count of URLs
 */
export async function fetchDataset(
  dataset: Dataset,
  cache: MediaCache,
  options: FetchLimits,
  progress?: (done: number, total: number, what: string) => void,
): Promise<{ dataset: Dataset; count: FetchCount }> {
  const urls = await remoteMedia(dataset, options.signal);
  const count = await cache.fetchAll(urls, options, (done, total) => progress?.(done, total, 'URLs fetched'));
  const bad = count.failed === 0 ? [] : await unfetchedRows(dataset, cache);
  return { dataset: withoutRows({ ...dataset, fetched: cache.lookup }, bad), count };
}

/** The data set with further rows set aside. */
function withoutRows(dataset: Dataset, bad: readonly Quarantined[]): Dataset {
  if (bad.length === 0) return dataset;
  const out = new Set(bad.map(({ row }) => row));
  const rowFlags = dataset.rowFlags.map((flags, row) => (out.has(row) ? flags | 1 : flags));
  return {
    ...dataset,
    rowFlags,
    quarantined: [...dataset.quarantined, ...bad].sort((a, b) => a.row - b.row),
    async *batches(options): AsyncGenerator<SampleBatch> {
      for await (const { start, samples } of dataset.batches(options))
        yield { start, samples: samples.map((sample, i) => (out.has(start + i) ? null : sample)) };
    },
    async get(rows): Promise<(Sample | null)[]> {
      return (await dataset.get(rows)).map((sample, i) => (out.has(rows[i]!) ? null : sample));
    },
  };
}
