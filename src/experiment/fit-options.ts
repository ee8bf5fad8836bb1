import { z } from 'zod';

/** How the model is tuned before it measures. */
export const FitOptions = z.strictObject({
  fitRows: z
    .string()
    .min(1)
    .optional()
    .describe('with --fit: how many rows it is tuned on, a share or a count (default: 25 %, 8000 at most)'),
  fitRate: z.coerce
    .number()
    .positive()
    .optional()
    .describe('with --fit: learning rate at its peak (default: by the width of the model, 2e-5 at 4096)'),
  fitEpochs: z.coerce
    .number()
    .int()
    .min(1)
    .optional()
    .describe(
      'with --fit: times that each of these rows is seen (default: once, up to 10 times where that is less than 125 steps)',
    ),
  fitSeed: z.coerce
    .number()
    .int()
    .min(0)
    .max(0xffffffff)
    .optional()
    .describe('with --fit: seed of the rows that are drawn and of their order (default: that of winnow.yaml, else 42)'),
});
