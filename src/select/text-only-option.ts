import { z } from 'zod';

/** The policy for rows without an image, the same option in every selector. */
export const textOnlyOption = z
  .enum(['exclude', 'proportional', 'score'])
  .describe(
    'rows without an image: exclude them; proportional: their share of the budget, drawn at random; score: they compete like others',
  );
