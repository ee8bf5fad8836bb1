import type { Dataset } from '../../../dataset/dataset.ts';
import { instructionOf, responseOf } from '../../../dataset/sample.ts';
import type { Column } from '../../../numeric/columns.ts';
import { neighbours } from '../../../select/kept-neighbours.ts';
import { columnSuffix } from '../../../signals/measured/row-loss.ts';
import type { Project } from '../../../store/project.ts';
import type { LoadedSelection } from '../../../store/selections.ts';
import type { GallerySample } from '../../data.ts';
import { storedColumn } from '../../stored-columns.ts';

/** Samples of the gallery with their pictures, losses of each token and nearest kept samples. */
export async function gallerySamples(
  project: Project,
  dataset: Dataset,
  rows: readonly number[],
  main: Pick<LoadedSelection, 'kept'> | undefined,
  embedding: Column | undefined,
  blind: string,
): Promise<GallerySample[]> {
  const samples = await dataset.get(rows);
  const [mm, without, words] = await Promise.all([
    storedColumn(project, dataset, 'token_mm'),
    storedColumn(project, dataset, `token_blind_${columnSuffix(blind)}`),
    storedColumn(project, dataset, 'token_texts'),
  ]);
  const slice = (list: Column | undefined, row: number) =>
    list?.kind === 'list' ? [...list.data.subarray(list.offsets[row], list.offsets[row + 1])] : [];
  return Promise.all(
    rows.map(async (row, i) => {
      const sample = samples[i]!;
      const text = words?.kind === 'text' ? words.data[row] : null;
      const hasVector = embedding?.kind === 'f32' && Number.isFinite(embedding.data[row * embedding.width]);
      const near =
        hasVector && main !== undefined
          ? await neighbours(main.kept, row, { data: embedding.data, rows: dataset.rows, width: embedding.width }, 3)
          : [];
      return {
        row,
        question: instructionOf(sample),
        answer: responseOf(sample),
        tokens: text
          ? { text: JSON.parse(text) as string[], multimodal: slice(mm, row), blind: slice(without, row) }
          : undefined,
        neighbours: near.map((one) => ({ id: dataset.ids[one.row]!, similarity: one.similarity })),
      };
    }),
  );
}
