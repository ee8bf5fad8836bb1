import { z } from 'zod';
import { optionName } from '../base/cli-flags.ts';
import { WinnowError } from '../base/errors.ts';
import { optionError } from '../base/option-error.ts';
import { IMAGE_FAMILIES } from './image-tokens/families.ts';

/** Dense bf16 peaks, 10^12 FLOP/s: the vendors' figures, those of LLaMA-Factory's MFU script. */
const PEAK_TFLOPS = { h200: 989, h100: 989, a100: 312, v100: 125, l4: 121, rtx4090: 98 } as const;

/** Operations a token and parameter, forward and backward; frozen weights skip the gradient of the weights. */
const FLOPS = { full: 6, lora: 4, qlora: 4 } as const;

/** Share of the peak that training reaches unless somebody knows better. */
const MFU = { full: 0.35, lora: 0.3, qlora: 0.15 } as const;

/** What tokens and GPU-hours are estimated from. All of it is stated beside the estimate. */
export const CostOptions = z.strictObject({
  tokensColumn: z
    .string()
    .min(1)
    .optional()
    .describe('column with the tokens of each row, image tokens included (default: estimated from text and images)'),
  imageTokens: z
    .union([z.enum(IMAGE_FAMILIES), z.coerce.number().int().min(0)], {
      error: `a number, or one of ${IMAGE_FAMILIES.join(', ')}`,
    })
    .optional()
    .describe(
      `tokens of an image, where they are estimated: a number, or the family that counts them by size: ${IMAGE_FAMILIES.join(', ')} (default: that of the model whose losses were measured, if its name tells, else 576, LLaVA-1.5)`,
    ),
  trainParams: z
    .string()
    .regex(/^\d+(\.\d+)?[MB]$/i, 'a number with M or B, such as 7B')
    .default('7B')
    .describe('parameters of the language model that is trained'),
  trainGpu: z
    .enum(Object.keys(PEAK_TFLOPS) as [keyof typeof PEAK_TFLOPS])
    .default('h100')
    .describe('what it is trained on'),
  trainTuning: z.enum(['full', 'lora', 'qlora']).default('full').describe('6, 4 or 4 operations a token and parameter'),
  trainMfu: z.coerce
    .number()
    .gt(0)
    .max(1)
    .optional()
    .describe('share of the peak that is reached (default: 0.35 full, 0.30 lora, 0.15 qlora)'),
  trainEpochs: z.coerce.number().gt(0).default(1).describe('passes over the selection'),
});
export type CostOptions = z.infer<typeof CostOptions>;

/** The options of cost among others that a person gave, with defaults. @throws WinnowError `OPTION_INVALID` */
export function parseCostOptions(given: object): CostOptions {
  const own = Object.entries(given).filter(([name]) => name in CostOptions.shape);
  const parsed = CostOptions.safeParse(Object.fromEntries(own));
  if (parsed.success) return parsed.data;
  throw optionError('the budget', parsed.error, Object.fromEntries(own), 'winnow select random --help');
}

/**
 * Refuses options of cost beside a budget in samples, which they would do nothing for.
 *
 * @param used those that are of use all the same
 * @throws WinnowError `USAGE`
 */
export function refuseUnusedCost(given: object, used: readonly string[] = []): void {
  const unused = Object.entries(given).find(
    ([name, value]) => name in CostOptions.shape && value !== undefined && !used.includes(name),
  );
  if (unused === undefined) return;
  const option = `--${optionName(unused[0])}`;
  throw new WinnowError({
    code: 'USAGE',
    message: `${option} is about budgets in tokens and GPU-hours, and this one is in samples.`,
    hint: `Leave it out, or give for example --budget "2M tokens".`,
    exitCode: 2,
  });
}

/**
 * Tokens that train in so many hours of one GPU: hours * 3600 * peak * MFU / (FLOPs a token * parameters * epochs).
 * The vision tower is left out: frozen it adds about 1 % to a model of 7 B.
 */
export function tokensInHours(hours: number, options: CostOptions): number {
  return Math.floor((hours * 3600 * speedOf(options)) / (flopsOf(options) * options.trainEpochs));
}

/** GPU-hours that tokens take, the inverse of {@link tokensInHours}. */
export function hoursOfTokens(tokens: number, options: CostOptions): number {
  return (tokens * flopsOf(options) * options.trainEpochs) / (3600 * speedOf(options));
}

/** The assumptions behind GPU-hours as a sentence. */
export function describeCost(options: CostOptions): string {
  const { trainParams, trainGpu, trainTuning, trainEpochs } = options;
  const epochs = trainEpochs === 1 ? '1 epoch' : `${trainEpochs} epochs`;
  return `${trainTuning} tuning of ${trainParams.toUpperCase()} parameters, ${FLOPS[trainTuning]} x N FLOPs a token, one ${trainGpu.toUpperCase()} (${PEAK_TFLOPS[trainGpu]} TFLOP/s dense bf16) at ${Number((mfuOf(options) * 100).toPrecision(6))} % of its peak, ${epochs}; in practice 0.6 to 1.6 times the hours`;
}

/** FLOP/s. */
function speedOf(options: CostOptions): number {
  return PEAK_TFLOPS[options.trainGpu] * 1e12 * mfuOf(options);
}

function mfuOf({ trainMfu, trainTuning }: CostOptions): number {
  return trainMfu ?? MFU[trainTuning];
}

/** FLOPs a token. */
function flopsOf({ trainParams, trainTuning }: CostOptions): number {
  return FLOPS[trainTuning] * Number(trainParams.slice(0, -1)) * (/b$/i.test(trainParams) ? 1e9 : 1e6);
}
