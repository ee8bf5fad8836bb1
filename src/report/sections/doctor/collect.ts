import type { Dataset } from '../../../dataset/dataset.ts';
import { savedResult } from '../../../doctor/result.ts';
import type { Project } from '../../../store/project.ts';
import type { ReportInput } from '../../data.ts';

/** What the doctor found in the rows as they are; undefined where it has not examined them. */
export function collectDoctor(project: Project, dataset: Dataset): ReportInput['doctor'] {
  return savedResult(project, dataset);
}
