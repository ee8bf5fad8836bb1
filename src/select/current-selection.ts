import type { Dataset } from '../dataset/dataset.ts';
import type { LoadedSelection } from '../store/selections.ts';
import type { ReasonCode } from './reasons.ts';

/** A saved selection in the rows that its data set has now. */
export interface CurrentSelection {
  selection: LoadedSelection;
  /** What has changed since it was made, in a sentence; absent where nothing has. */
  stale?: string;
}

const NOT_SEEN: ReasonCode = 'not-seen';

/**
 * Carries a selection over to its data set as it is now, by the ids of the samples: those that are gone are left out,
 * those that are new were not judged, and all others keep their reason. Counts of clusters stay those of the time it
 * was made.
 */
export function onCurrentRows(selection: LoadedSelection, dataset: Dataset): CurrentSelection {
  if (selection.dataset.hash === dataset.hash) return { selection };
  const reasons: LoadedSelection['reasons'] = Array.from({ length: dataset.rows }, (_, row) => ({
    row,
    kept: false,
    code: NOT_SEEN,
  }));
  const clusters = new Int32Array(dataset.rows).fill(-1);
  let known = 0;
  for (const [before, id] of selection.rowIds.entries()) {
    const row = dataset.rowOf(id);
    if (row < 0) continue;
    known++;
    reasons[row] = { ...selection.reasons[before]!, row };
    if (selection.clusters !== undefined) clusters[row] = selection.clusters[before]!;
  }
  const ids = selection.ids.filter((id) => dataset.rowOf(id) >= 0);
  const gone = selection.rowIds.length - known;
  return {
    selection: {
      ...selection,
      reasons,
      ids,
      kept: Int32Array.from(ids, (id) => dataset.rowOf(id)),
      clusters: selection.clusters === undefined ? undefined : clusters,
    },
    stale: staleText(selection, gone, dataset.rows - known),
  };
}

function staleText({ name, dataset }: LoadedSelection, gone: number, added: number): string {
  const changes = [
    ...(gone > 0 ? [`${gone.toLocaleString('en-US')} of its samples are gone`] : []),
    ...(added > 0 ? [`${added.toLocaleString('en-US')} are new and were not judged`] : []),
    ...(gone === 0 && added === 0 ? ['samples were edited or moved, and keep the reason they had'] : []),
  ];
  return `The data set "${dataset.name}" has changed since the selection "${name}" was made: ${changes.join(', ')}. Select again to choose from the samples as they are now.`;
}
