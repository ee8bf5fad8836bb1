import type { TokenRule } from '../../families/record.ts';
import { llavaNextTokens, molmoTokens } from './anyres.ts';
import type { ImageTokenCount, Size } from './count.ts';
import { pixtralTokens, qwenTokens } from './resized.ts';
import { gemma3Tokens, idefics3Tokens, internvlTokens } from './tiled.ts';

/** Tokens of an image by a rule of a family's record; NaN where the family refuses its shape. */
export function countTokens(rule: TokenRule, size: Size): ImageTokenCount {
  switch (rule.kind) {
    case 'fixed':
      return { features: rule.tokens, total: rule.tokens + rule.markers };
    case 'crops':
      return gemma3Tokens(size, rule);
    case 'resized':
      return qwenTokens(size, rule);
    case 'rows':
      return pixtralTokens(size, rule);
    case 'anyres':
      return llavaNextTokens(size, rule);
    case 'tiles':
      return idefics3Tokens(size, rule);
    case 'grid':
      return internvlTokens(size, rule);
    case 'overlap':
      return molmoTokens(size, rule);
  }
}
