import { WinnowError } from '../base/errors.ts';
import type { Dataset } from '../dataset/dataset.ts';
import type { Project } from '../store/project.ts';
import { columnsNamed } from '../store/signals.ts';
import type { CostOptions } from './gpu-hours.ts';
import { type ImageRule, imageRule, openImageCounter } from './image-tokens.ts';

/** Tokens of every row, and in words where they come from. */
export interface RowTokens {
  tokens: Float64Array;
  about: string;
  /** What images were counted by, where tokens were estimated. */
  imageTokens?: ImageRule;
}

/**
 * Tokens that each row costs in training: a column where one is named, else an estimate from the sample itself: UTF-8
 * bytes of all its text over 4 (a byte-pair tokenizer's usual ratio), and images by {@link imageRule}. A row of a
 * column without a number can't be counted and is an error.
 *
 * @param excluded rows that can't be chosen and need no number
 * @throws WinnowError `TOKENS_MISSING`, `TOKENS_UNKNOWN`, `COLUMN_MISSING`
 */
export async function rowTokens(
  project: Project,
  dataset: Dataset,
  options: CostOptions,
  excluded: { has(row: number): boolean },
  { signal, progress }: { signal?: AbortSignal; progress?: (done: number, total: number, what: string) => void } = {},
): Promise<RowTokens> {
  const { tokensColumn } = options;
  if (tokensColumn !== undefined) return fromColumn(project, dataset, tokensColumn, excluded);
  const imageTokens = await imageRule(project, dataset, options.imageTokens);
  const images = openImageCounter(dataset, imageTokens);
  const tokens = new Float64Array(dataset.rows);
  let videos = 0;
  for await (const { start, samples } of dataset.batches({ signal })) {
    progress?.(start, dataset.rows, 'counting tokens');
    const ofImages = await images.count(samples);
    for (const [i, sample] of samples.entries()) {
      if (sample === null) continue;
      const parts = sample.messages.flatMap((message) => message.parts);
      const bytes = parts.reduce((sum, part) => sum + (part.type === 'text' ? Buffer.byteLength(part.text) : 0), 0);
      videos += sample.media.videos.length;
      tokens[start + i] = Math.ceil(bytes / 4) + ofImages[i]!;
    }
  }
  if (videos > 0) {
    throw new WinnowError({
      code: 'TOKENS_UNKNOWN',
      message: 'The tokens of videos are not estimated, and this data set has some.',
      hint: 'Import a column with the tokens of each row and name it with --tokens-column.',
    });
  }
  progress?.(dataset.rows, dataset.rows, 'counting tokens');
  return { tokens, about: `estimated: UTF-8 bytes of the text / 4, and ${images.about()}`, imageTokens };
}

/** How many rows of average length fit a limit. */
export function rowsWithin(limit: number, pool: Int32Array, tokens: Float64Array): number {
  const total = pool.reduce((sum, row) => sum + tokens[row]!, 0);
  return total <= limit ? pool.length : Math.floor((limit * pool.length) / total);
}

async function fromColumn(
  project: Project,
  dataset: Dataset,
  name: string,
  excluded: { has(row: number): boolean },
): Promise<RowTokens> {
  const column = (await columnsNamed(project, dataset, [name])).columns[name]!;
  const isNumbers = (column.kind === 'f32' || column.kind === 'i32') && column.width === 1;
  const tokens = isNumbers ? Float64Array.from(column.data) : new Float64Array();
  const bad = tokens.findIndex((count, row) => !(count >= 0) && !excluded.has(row));
  if (isNumbers && bad < 0) return { tokens: tokens.map((n) => (n >= 0 ? n : 0)), about: `column ${name}` };
  throw new WinnowError({
    code: 'TOKENS_MISSING',
    message: isNumbers
      ? `The column \`${name}\` has no number of tokens for "${dataset.ids[bad]}".`
      : `The column \`${name}\` doesn't hold one number a row.`,
    hint: 'Name a column with the tokens of every row, or leave --tokens-column out to have them estimated.',
    exitCode: 2,
  });
}
