import { onCode } from '../base/on-code.ts';
import type { Dataset } from '../dataset/dataset.ts';
import type { Column } from '../numeric/columns.ts';
import type { Project } from '../store/project.ts';
import { columnsNamed } from '../store/signals.ts';

/** A stored column, however much of it is there; undefined where it isn't measured. */
export async function storedColumn(project: Project, dataset: Dataset, name: string): Promise<Column | undefined> {
  const block = await columnsNamed(project, dataset, [name], { partial: true }).catch(
    onCode(['COLUMN_MISSING'], undefined),
  );
  return block?.columns[name];
}

/** A stored column of one number a row. */
export async function storedNumbers(
  project: Project,
  dataset: Dataset,
  name: string,
): Promise<Float32Array | undefined> {
  const found = await storedColumn(project, dataset, name);
  return found?.kind === 'f32' && found.width === 1 ? found.data : undefined;
}
