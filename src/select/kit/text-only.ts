import { z } from 'zod';
import type { TextOnlyPolicy } from '../selector.ts';

/** The policy for rows without an image, the same option in every selector. */
export const textOnlyOption = z
  .enum(['exclude', 'proportional', 'score'])
  .describe(
    'rows without an image: exclude them; proportional: their share of the budget, drawn at random; score: they compete like others',
  );

const OURS = 'proportional';

/** The policy of a method whose official variant has another one: `textOnly` left out is that of the variant. */
export function textOnlyByVariant(official: TextOnlyPolicy) {
  return {
    option: textOnlyOption
      .optional()
      .describe(`rows without an image; default: ${OURS} for variant paper, ${official} for official (as published)`),
    withDefault: <T extends { variant: 'paper' | 'official'; textOnly?: TextOnlyPolicy | undefined }>(options: T) => ({
      ...options,
      textOnly: options.textOnly ?? (options.variant === 'official' ? official : OURS),
    }),
  };
}
