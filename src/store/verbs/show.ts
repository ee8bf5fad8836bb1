import { name as quotedName } from '../../base/duckdb.ts';
import { WinnowError } from '../../base/errors.ts';
import { didYouMean } from '../../base/suggest.ts';
import type { Dataset } from '../../dataset/dataset.ts';
import { resolveMedia } from '../../dataset/media/media.ts';
import type { MediaRef, Sample } from '../../dataset/sample.ts';
import type { Project } from '../project.ts';
import { listSelections, loadSelection, readSelectionHead } from '../selections.ts';
import { storedSignals } from '../signals.ts';
import { query, viewNames } from './sql.ts';

export interface ShowRequest {
  id: string;
  /** @default the first data set that has the id */
  dataset?: string | undefined;
}

/** A medium of the sample, and where it is; or why it can't be read. */
export interface ShownMedia {
  kind: 'image' | 'video';
  path: string;
  file?: string;
  fault?: string;
}

export interface ShownSelection {
  name: string;
  kept: boolean;
  code: string;
  rank?: number;
  score?: number;
  /** The selection was made from the data set as it is now. */
  current: boolean;
}

export interface ShowResult {
  dataset: string;
  row: number;
  id: string;
  source: string | null;
  /** Null where the row can't be read; `fault` says why. */
  sample: Sample | null;
  fault?: string;
  media: ShownMedia[];
  /** Numbers and texts of the row by signal and column; vectors are left out. */
  signals: Record<string, Record<string, unknown>>;
  selections: ShownSelection[];
}

/**
 * One sample with its media, its signals, and what each selection of its data set did with it. Throws `SAMPLE_UNKNOWN`.
 */
export async function showSample(project: Project, { id, dataset: wanted }: ShowRequest): Promise<ShowResult> {
  const { dataset, row } = await findSample(project, id, wanted);
  const [sample = null] = await dataset.get([row]);
  const fault = dataset.quarantined.find((one) => one.row === row)?.reason;
  return {
    dataset: dataset.name,
    row,
    id,
    source: dataset.sourceOf(row),
    sample,
    fault,
    media: sample === null ? [] : mediaOf(dataset, sample),
    signals: await signalsOf(project, dataset, row),
    selections: await selectionsOf(project, dataset, row),
  };
}

async function findSample(project: Project, id: string, wanted?: string): Promise<{ dataset: Dataset; row: number }> {
  const names = wanted === undefined ? project.config().datasets.map(({ name }) => name) : [wanted];
  for (const name of names) {
    const dataset = await project.dataset(name);
    const row = dataset.rowOf(id);
    if (row >= 0) return { dataset, row };
  }
  const first = await project.dataset(wanted);
  throw new WinnowError({
    code: 'SAMPLE_UNKNOWN',
    message: `There is no sample "${id}" in ${names.map((name) => `"${name}"`).join(', ')}.`,
    hint: `${didYouMean(id, first.ids)}Ids look like "${first.ids[0]}"; winnow sql "SELECT id FROM samples" lists them.`,
    exitCode: 2,
  });
}

function mediaOf(dataset: Dataset, { media }: Sample): ShownMedia[] {
  const shown =
    (kind: ShownMedia['kind']) =>
    (ref: MediaRef): ShownMedia => {
      const path = ref.path.replace(/^(data:[^,]{0,80}),[\s\S]*$/i, '$1');
      try {
        const found = resolveMedia(dataset, ref);
        return found.kind === 'file' ? { kind, path, file: found.path } : { kind, path };
      } catch (error) {
        return { kind, path, fault: (error as Error).message };
      }
    };
  return [...media.images.map(shown('image')), ...media.videos.map(shown('video'))];
}

async function signalsOf(project: Project, dataset: Dataset, row: number): Promise<ShowResult['signals']> {
  const out: ShowResult['signals'] = {};
  const stored = await storedSignals(project, dataset);
  for (const one of stored) {
    const { signal, columns } = one.entry;
    const plain = columns.filter((column) => column.kind !== 'list' && column.width === 1);
    const isThere = one.shards.some((shard) => shard.done && row >= shard.start && row < shard.end);
    if (signal in out || plain.length === 0 || !isThere) continue;
    const view = viewNames([signal]).get(signal)!;
    const found = await query(
      await project.duck(),
      dataset,
      [one],
      `SELECT * FROM ${quotedName(view)} WHERE row = ${row}`,
    );
    const values = found.rows[0] ?? [];
    out[signal] = Object.fromEntries(plain.map(({ name }) => [name, values[found.columns.indexOf(name)] ?? null]));
  }
  return out;
}

async function selectionsOf(project: Project, dataset: Dataset, row: number): Promise<ShownSelection[]> {
  const out: ShownSelection[] = [];
  for (const name of await listSelections(project)) {
    const head = await readSelectionHead(project, name);
    if (head.dataset.name !== dataset.name) continue;
    const current = head.dataset.hash === dataset.hash;
    // After a change of the data set rows are known by their ids alone.
    if (!current) {
      const at = head.ids.indexOf(dataset.ids[row]!);
      out.push({ name, kept: at >= 0, code: at >= 0 ? 'kept' : 'unknown', current });
      continue;
    }
    const { reasons } = await loadSelection(project, name);
    const reason = reasons[row];
    if (reason === undefined) continue;
    const { kept, code, rank, score } = reason;
    out.push({
      name,
      kept,
      code,
      rank,
      score,
      current,
    });
  }
  return out;
}
