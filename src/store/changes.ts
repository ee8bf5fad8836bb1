import { join } from 'node:path';
import type { Dataset } from '../dataset/dataset.ts';
import { changesSince, type RowChanges } from '../dataset/index/changes.ts';
import type { LineageEntry } from './lineage.ts';
import type { ProjectPaths } from './paths.ts';

/** What an import notes of the data set, so that later changes can be told: the hash of its rows, and its index. */
interface Imported {
  hash?: string;
  index?: string;
}

/** The last import of a data set; undefined where none is noted. */
export function lastImport(lineage: readonly LineageEntry[], dataset: string): Imported | undefined {
  const entry = lineage.findLast((one) => one.kind === 'import' && one.name === dataset);
  return entry?.kind === 'import' ? (entry.about as Imported) : undefined;
}

/**
 * Whether a data set has other rows than at its import, and which. Undefined: they are the same; `rows` is absent where
 * the index of the import is gone.
 */
export function changedSinceImport(
  paths: ProjectPaths,
  lineage: readonly LineageEntry[],
  dataset: Dataset,
): { rows?: RowChanges } | undefined {
  const before = lastImport(lineage, dataset.name);
  if (before?.hash === undefined || before.hash === dataset.hash) return undefined;
  const rows = before.index === undefined ? undefined : changesSince(join(paths.indexes, before.index), dataset);
  return rows === undefined ? {} : { rows };
}
