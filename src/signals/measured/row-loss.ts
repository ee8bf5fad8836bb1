import type { BlindVariant, TokenLosses } from '../../models/types.ts';

/** Blind variants that are computed where the positions can be masked. */
export const IN_PROCESS_VARIANTS = ['masked', 'drop', 'remove'] as const satisfies BlindVariant[];

/**
 * Blind variants that a server can do. They give other numbers than those in process, under other names. `http-drop`:
 * the conversation without the image part, as the template writes it then. `http-grey`: a grey image of the same size
 * in its place.
 */
export const HTTP_VARIANTS = ['http-drop', 'http-grey'] as const;
export type HttpVariant = (typeof HTTP_VARIANTS)[number];

export type LossVariant = BlindVariant | HttpVariant;

/** Losses of one row, whoever computed them, or why there are none. A row without an image has blind == multimodal. */
export type RowLoss =
  | {
      ok: true;
      /** Number of response positions. */
      tokens: number;
      /** Ids of these tokens in the model's vocabulary. */
      ids: ArrayLike<number>;
      multimodal: TokenLosses;
      blind: Partial<Record<LossVariant, TokenLosses>>;
      /** Text of each response token, when they were asked for. */
      tokenTexts?: string[];
      /** By a server: tokens that the images add to the prompt. */
      imageTokens?: number;
    }
  | { ok: false; code: string; reason: string };

/** The variant in a column's name: `http-drop` is `nll_blind_http_drop`. */
export function columnSuffix(variant: string): string {
  return variant.replaceAll('-', '_');
}
