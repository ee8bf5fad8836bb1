import type { Quarantined } from '../../base/errors.ts';
import type { SampleBatch } from '../../dataset/dataset.ts';
import type { FloatColumn } from '../../numeric/columns.ts';

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
