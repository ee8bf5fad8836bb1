import type { Project } from '../../store/project.ts';
import type { ColumnRecord } from '../../store/shard-file.ts';
import { storedSignals } from '../../store/signals.ts';

export interface SignalListRequest {
  /** Data set of the project. @default the first */
  dataset?: string | undefined;
}

/** A signal that a data set has; JSON. */
export interface ListedSignal {
  signal: string;
  /** `dtype` is how it is stored: f32, f16, i32, text, list (of f32). */
  columns: { name: string; dtype: ColumnRecord['kind']; width: number; measures: string | null }[];
  rowsDone: number;
  rows: number;
  /** Model and its revision; null for what takes none and for imports. */
  model: string | null;
  revision: string;
  params: Record<string, unknown>;
  /** Where an imported signal came from, and what was said of it. */
  imported: { file: string; sha256: string; note: string | null } | null;
  measured: string;
}

/** Signals of a data set, the latest first: where two have a column of one name, the first is read by that name. */
export async function listSignals(
  project: Project,
  request: SignalListRequest = {},
): Promise<{ dataset: string; rows: number; signals: ListedSignal[] }> {
  const dataset = await project.dataset(request.dataset);
  const signals = (await storedSignals(project, dataset)).map(({ entry, shards }): ListedSignal => {
    const imported = entry.about.imported as NonNullable<ListedSignal['imported']> | undefined;
    return {
      signal: entry.signal,
      columns: entry.columns.map(({ name, kind, width, measures }) => {
        return { name, dtype: kind, width, measures: measures ?? null };
      }),
      rowsDone: shards.reduce((sum, shard) => sum + (shard.done ? shard.end - shard.start : 0), 0),
      rows: dataset.rows,
      model: typeof entry.about.model === 'string' ? entry.about.model : null,
      revision: entry.revision,
      params: entry.params,
      imported: imported === undefined ? null : { file: imported.file, sha256: imported.sha256, note: imported.note },
      measured: entry.time,
    };
  });
  return { dataset: dataset.name, rows: dataset.rows, signals };
}
