import { FAMILIES } from '../../families/families.ts';
import type { TokenRule } from '../../families/record.ts';
import type { Size } from './count.ts';
import { countTokens } from './rules.ts';

const CHECKPOINTS = FAMILIES.flatMap(({ checkpoints }) => checkpoints);

/** Checkpoints whose tokens are known, by the names of records; a family whose sizes count alike has one. */
export type ImageFamily = string;

/** Names of all of them. */
export const IMAGE_FAMILIES = CHECKPOINTS.map(({ name }) => name) as [ImageFamily, ...ImageFamily[]];

/** Tokens of an image where nobody says what counts them and no model's name does: LLaVA-1.5's 576. */
export const USUAL_IMAGE_TOKENS = fixedTokens('llava-1.5')!;

/** The family of a model by its name; undefined where the name doesn't say. */
export function familyOf(model: string): ImageFamily | undefined {
  return CHECKPOINTS.find(({ models }) => models !== undefined && new RegExp(models, 'i').test(model))?.name;
}

/** Tokens of every image, where the family gives all the same. */
export function fixedTokens(name: ImageFamily): number | undefined {
  const rule = ruleOf(name);
  return rule.kind === 'fixed' ? rule.tokens + rule.markers : undefined;
}

/** Tokens of an image in a family's prompt, markers included; NaN where the family refuses its shape. */
export function tokensOfImage(name: ImageFamily, size: Size): number {
  return countTokens(ruleOf(name), size).total;
}

function ruleOf(name: ImageFamily): TokenRule {
  return CHECKPOINTS.find((one) => one.name === name)!.imageTokens;
}
