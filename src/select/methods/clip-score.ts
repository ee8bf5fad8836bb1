import { z } from 'zod';
import { WinnowError } from '../../base/errors.ts';
import type { Matrix } from '../../numeric/linalg/matrix.ts';
import { scalarColumn, vectorColumn } from '../kit/columns.ts';
import { selectRanked } from '../kit/rank.ts';
import { textOnlyOption } from '../kit/text-only.ts';
import type { Selector, TextOnlyPolicy } from '../selector.ts';

export interface ClipScoreOptions extends Record<string, unknown> {
  using: 'score' | 'embeddings';
  score: 'cosine' | 'hessel';
  column: string;
  image: string;
  text: string;
  textOnly: TextOnlyPolicy;
}

/** cos(a_i, b_i) of each row; 0 where a vector has no direction, NaN where one has a missing value. */
export function rowCosines(a: Matrix, b: Matrix): Float64Array {
  if (a.width !== b.width) {
    throw new WinnowError({
      code: 'COLUMN_KIND',
      message: `Vectors of ${a.width} and ${b.width} numbers have no cosine: use columns of one model.`,
      hint: 'Name the embeddings of image and text by the same model.',
      exitCode: 2,
    });
  }
  const cosines = new Float64Array(a.rows);
  for (let row = 0; row < a.rows; row++) {
    let dot = 0;
    let aa = 0;
    let bb = 0;
    for (let t = row * a.width; t < (row + 1) * a.width; t++) {
      dot += a.data[t]! * b.data[t]!;
      aa += a.data[t]! * a.data[t]!;
      bb += b.data[t]! * b.data[t]!;
    }
    const length = Math.sqrt(aa) * Math.sqrt(bb);
    cosines[row] = length === 0 ? 0 : dot / length;
  }
  return cosines;
}

/** CLIPScore of Hessel et al. 2021: 2.5 max(cos, 0). All negative cosines tie. */
export function hesselScore(cosine: number): number {
  return 2.5 * Math.max(cosine, 0);
}

/** Rows whose text describes their image, by CLIP. */
export const clipScore: Selector<ClipScoreOptions> = {
  name: 'clip-score',
  order: 150,
  version: 1,
  title: 'CLIP-Score: agreement of image and text',
  source: 'Hessel et al., EMNLP 2021, arXiv 2104.08718; as a filter: Gadre et al. 2023 (DataComp), arXiv 2304.14108',
  summary: 'Keeps the rows whose text CLIP finds closest to their image.',
  formula: ['score = cos(CLIP image, CLIP text)', 'keep the largest'].join('\n'),
  options: z.strictObject({
    using: z
      .enum(['score', 'embeddings'])
      .default('score')
      .describe('score: the stored cosine; embeddings: computed from the embeddings of image and text'),
    score: z
      .enum(['cosine', 'hessel'])
      .default('cosine')
      .describe('cosine; hessel: 2.5 max(cos, 0), the same order except that all negatives tie'),
    column: z.string().min(1).default('clip_score').describe('column of the cosine'),
    image: z.string().min(1).default('clip_image').describe('column of the image embedding'),
    text: z.string().min(1).default('clip_text').describe('column of the text embedding, of the same model'),
    textOnly: textOnlyOption.default('proportional'),
  }),
  needs: ({ using, column, image, text }) => (using === 'score' ? [column] : [image, text]),
  async select(input, options, context) {
    const { using, column, image, text } = options;
    const cosine =
      using === 'score'
        ? scalarColumn(input, column)
        : rowCosines(vectorColumn(input, image), vectorColumn(input, text));
    const score = options.score === 'hessel' ? Float64Array.from(cosine, hesselScore) : cosine;
    return selectRanked(input, context, {
      method: 'clip-score',
      options,
      score,
      column: using === 'score' ? column : `${image} and ${text}`,
      order: 'desc',
      output: 'rank',
    });
  },
};
