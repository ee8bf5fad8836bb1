import type { Dataset } from '../../../dataset/dataset.ts';
import { savedResult } from '../../../doctor/result.ts';
import type { Project } from '../../../store/project.ts';
import type { ReportInput } from '../../data.ts';

/** What the doctor found, if it has seen these rows. */
export function doctorOf(project: Project, dataset: Dataset): Pick<ReportInput, 'doctor'> {
  const result = savedResult(project, dataset);
  return result === undefined ? {} : { doctor: result };
}

/** The page of a data set from which nothing has been selected yet, if the doctor has seen it. */
export async function collectDoctor(
  project: Project,
  request: { title?: string | undefined },
): Promise<ReportInput | undefined> {
  if (project.config().datasets.length === 0) return undefined;
  const dataset = await project.dataset();
  const found = doctorOf(project, dataset);
  if (found.doctor === undefined) return undefined;
  const { quarantined } = dataset;
  return {
    title: request.title ?? dataset.name,
    subtitle: `${dataset.rows.toLocaleString('en')} rows, ${dataset.format} (${dataset.detected})`,
    samples: { id: [...dataset.ids] },
    quarantined: quarantined.length === 0 ? undefined : [...quarantined],
    ...found,
  };
}
