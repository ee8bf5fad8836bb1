import type { Quarantined } from '../../base/errors.ts';
import type { SampleBatch } from '../../dataset/dataset.ts';
import type { FloatColumn, ListColumn } from '../../numeric/columns.ts';

/** Ragged column of per-row arrays; a missing array is an empty list. */
export function listColumn(rows: readonly (Float32Array | undefined)[]): ListColumn {
  const offsets = new Uint32Array(rows.length + 1);
  rows.forEach((row, i) => {
    offsets[i + 1] = offsets[i]! + (row?.length ?? 0);
  });
  const data = new Float32Array(offsets[rows.length]!);
  rows.forEach((row, i) => {
    if (row !== undefined) data.set(row, offsets[i]!);
  });
  return { kind: 'list', width: 1, offsets, data };
}

/** A column whose listed rows take consecutive vectors of `vectors`; all others are NaN. */
export function scatter(rows: number, width: number, at: readonly number[], vectors: Float32Array): FloatColumn {
  const data = new Float32Array(rows * width).fill(Number.NaN);
  at.forEach((row, j) => {
    data.set(vectors.subarray(j * width, (j + 1) * width), row * width);
  });
  return { kind: 'f32', width, data };
}

/**
 * Quarantine entries for the rows of a batch that `failure` knows. Rows the reader already quarantined stay with the
 * data set.
 */
export function quarantine(
  batch: SampleBatch,
  failure: (i: number) => { code: string; reason: string } | undefined,
): Quarantined[] {
  return batch.samples.flatMap((sample, i) => {
    const failed = sample === null ? undefined : failure(i);
    return failed === undefined || sample === null
      ? []
      : [{ row: batch.start + i, id: sample.id, code: failed.code, reason: failed.reason }];
  });
}
