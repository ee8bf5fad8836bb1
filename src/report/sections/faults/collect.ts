import type { Dataset } from '../../../dataset/dataset.ts';
import { ownCluster, readTruth, separation, truthColumns } from '../../../experiment/truth.ts';
import type { ReportInput } from '../../data.ts';

/** Planted faults of the rows, and how well necessity tells them apart; nothing where no truth is given. */
export async function collectFaults(
  file: string | undefined,
  dataset: Dataset,
  clusters: Int32Array | undefined,
  necessity: Float32Array | undefined,
): Promise<{ labels?: (string | null)[]; faults?: ReportInput['faults']; auc?: ReportInput['auc'] }> {
  if (file === undefined) return {};
  const truth = await readTruth(file);
  const columns = truthColumns(truth, dataset);
  return {
    labels: columns.fault,
    faults: truth.faults.map(({ key, title, about }) => ({
      key,
      title,
      about,
      ownCluster: clusters === undefined ? undefined : ownCluster(columns.fault, key, clusters),
    })),
    auc: necessity === undefined ? undefined : separation(truth, columns, necessity),
  };
}
