import { z } from 'zod';
import { scalarColumn } from '../../kit/columns.ts';
import { selectRanked } from '../../kit/rank.ts';
import { textOnlyOption } from '../../kit/text-only.ts';
import type { Selector, TextOnlyPolicy } from '../../selector.ts';

export interface TokenScoreOptions extends Record<string, unknown> {
  variant: 'paper' | 'official';
  keep: 'max' | 'min';
  offset: number;
  column: string;
  textOnly: TextOnlyPolicy;
}

/**
 * A method that ranks by one number about the predicted response tokens: EL2N, AUM. They differ in the number alone.
 */
export function tokenScoreSelector(
  about: Pick<Selector, 'name' | 'order' | 'version' | 'title' | 'source' | 'summary' | 'formula' | 'deviations'> & {
    column: string;
  },
): Selector<TokenScoreOptions> {
  const { column: defaultColumn, ...names } = about;
  return {
    ...names,
    options: z
      .strictObject({
        variant: z
          .enum(['paper', 'official'])
          .default('paper')
          .describe(
            'paper: rows without a finite score are left out; official: they count as 0, as the published code has it',
          ),
        keep: z.enum(['max', 'min']).default('max').describe('max: the largest scores; min: the smallest'),
        offset: z.coerce
          .number()
          .int()
          .min(0)
          .default(0)
          .describe('leave out this many of the smallest scores and keep the next ones, with keep min'),
        column: z.string().min(1).default(defaultColumn).describe('the column with the score, one number a row'),
        textOnly: textOnlyOption.default('score'),
      })
      .refine(({ keep, offset }) => keep === 'min' || offset === 0, {
        path: ['offset'],
        message: 'offset belongs to keep min: the window begins there in ascending order',
      }),
    needs: ({ column }) => [column],
    async select(input, options, context) {
      const { variant, keep, offset, column } = options;
      const stored = scalarColumn(input, column);
      const score = variant === 'official' ? Float32Array.from(stored, (s) => (Number.isNaN(s) ? 0 : s)) : stored;
      return selectRanked(input, context, {
        method: about.name,
        options,
        score,
        column,
        order: keep === 'max' ? 'desc' : 'asc',
        output: 'row',
        start: () => offset,
      });
    },
  };
}
