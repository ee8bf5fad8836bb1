import { type Quarantined, WinnowError } from '../../base/errors.ts';
import { canonicalJson, sha256 } from '../canonical.ts';
import type { Dataset } from '../dataset.ts';
import { createIdTable } from '../index/id-table.ts';
import type { MediaScope } from '../media/media.ts';
import { createMediaDigests } from '../media/media-digest.ts';
import type { Sample } from '../sample.ts';
import { type InputOptions, type Output, type OutputOptions, openInput, samplesOf, writeOutput } from './transform.ts';

export interface MergeRequest extends Omit<InputOptions, 'images'>, OutputOptions {
  /** Files or folders, in the order in which their rows are written. */
  inputs: readonly string[];
  out: string;
  /** Media roots: one for all inputs, or one each. @default the folder of each file */
  images?: readonly string[] | undefined;
  /** Drop a row whose id, or whose turns, media (by content) and columns, stood in an earlier row. @default 'none' */
  dedupe?: 'none' | 'id' | 'content' | undefined;
}

/** An id that an earlier row had, and the one it got. */
export interface Renamed {
  input: string;
  from: string;
  to: string;
}

export interface MergeResult extends Output {
  inputs: { path: string; format: string; rows: number; written: number; quarantined: readonly Quarantined[] }[];
  duplicates: number;
  renamed: { count: number; first: Renamed[] };
}

/**
 * Write several data sets as one. Formats may differ; ids become unique (`a`, `a~2`, ...); every medium is read from
 * the media root of its own data set.
 *
 * @throws WinnowError of opening and writing; `MEDIA_ROOTS_DIFFER`, `OPTION_INVALID`
 */
export async function mergeDatasets(request: MergeRequest): Promise<MergeResult> {
  const { inputs, images = [], dedupe = 'none' } = request;
  if (images.length > 1 && images.length !== inputs.length) {
    throw new WinnowError({
      code: 'OPTION_INVALID',
      message: `${images.length} media roots for ${inputs.length} data sets.`,
      hint: 'Give --images once for all of them, or once for each.',
      exitCode: 2,
    });
  }
  const datasets: Dataset[] = [];
  try {
    for (const [i, path] of inputs.entries()) {
      const root = images.length > 1 ? images[i] : images[0];
      datasets.push(await openInput(path, { ...request, images: root }, request));
    }
    const roots = new Set(datasets.map(({ mediaRoot }) => mediaRoot));
    if (request.media === 'keep' && roots.size > 1) {
      throw new WinnowError({
        code: 'MEDIA_ROOTS_DIFFER',
        message: 'The data sets have different media roots, so that their paths can not be kept.',
        hint: 'Use --media link or copy.',
        exitCode: 2,
      });
    }
    const merge = createMerge(datasets, dedupe, request);
    const written = await writeOutput(merge.samples(), {
      ...request,
      like: datasets[0]!.format,
      inputs: datasets,
      scope: merge.scopeOf,
    });
    return {
      ...written,
      inputs: datasets.map(({ path, format, rows, quarantined }, i) => ({
        path,
        format,
        rows,
        written: merge.counts[i]!,
        quarantined,
      })),
      duplicates: merge.dropped(),
      renamed: merge.renamed,
    };
  } finally {
    for (const dataset of datasets) await dataset.close();
  }
}

function createMerge(
  datasets: readonly Dataset[],
  dedupe: 'none' | 'id' | 'content',
  { signal, progress }: Pick<OutputOptions, 'signal' | 'progress'>,
) {
  const ids = createIdTable();
  const contents = new Set<string>();
  const digests = createMediaDigests();
  const counts = datasets.map(() => 0);
  const renamed: MergeResult['renamed'] = { count: 0, first: [] };
  let current: MediaScope = datasets[0]!;
  let dropped = 0;
  const isRepeated = async (dataset: Dataset, sample: Sample): Promise<boolean> => {
    // Within one data set a repeated id has been given a "~2" already.
    if (dedupe === 'id') return [sample.id, sample.id.replace(/~\d+$/, '')].some((id) => ids.rowOf(id) >= 0);
    if (dedupe === 'none') return false;
    const key = await contentKey(dataset, sample, digests);
    if (contents.has(key)) return true;
    contents.add(key);
    return false;
  };
  return {
    counts,
    renamed,
    dropped: () => dropped,
    /** The writer takes one sample at a time, so that the scope is that of the data set being read. */
    scopeOf: () => current,
    async *samples(): AsyncGenerator<Sample> {
      for (const [i, dataset] of datasets.entries()) {
        current = dataset;
        for await (const sample of samplesOf(dataset, undefined, { signal, progress })) {
          if (await isRepeated(dataset, sample)) {
            dropped++;
            continue;
          }
          const id = ids.add(sample.id);
          if (id !== sample.id) {
            renamed.count++;
            if (renamed.first.length < 20) renamed.first.push({ input: dataset.path, from: sample.id, to: id });
          }
          counts[i]!++;
          yield { ...sample, id };
        }
      }
    },
  };
}

/** SHA-256 of turns, media by content, and columns; the id counts not. */
async function contentKey(
  dataset: Dataset,
  sample: Sample,
  digests: ReturnType<typeof createMediaDigests>,
): Promise<string> {
  const known = async (refs: readonly { path: string }[]): Promise<{ path: string }[]> =>
    Promise.all(
      refs.map(async (ref) => {
        const { place, content } = await digests(dataset, ref);
        return { path: content ?? place };
      }),
    );
  const media = { images: await known(sample.media.images), videos: await known(sample.media.videos) };
  return Buffer.from(sha256(canonicalJson({ ...sample, id: '', media }))).toString('base64');
}
