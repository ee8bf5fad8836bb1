import { z } from 'zod';
import { BOX_FRAMES } from './boxes.ts';

const Count = z.number().int().positive();
const Pattern = z.string().refine((source) => new RegExp(source, 'i') instanceof RegExp);

/** How a family turns an image into tokens; what each does stands in `cost/image-tokens/`. */
export const TokenRule = z.discriminatedUnion('kind', [
  /** The same for every image: positions of image features, and the tokens around them. */
  z.strictObject({ kind: z.literal('fixed'), tokens: Count, markers: z.number().int().min(0) }),
  /** `fixed`, and as much again for each crop of a long image: least edge of a crop, most crops, least ratio. */
  z.strictObject({
    kind: z.literal('crops'),
    tokens: Count,
    markers: z.number().int().min(0),
    minCrop: Count,
    maxCrops: Count,
    minRatio: z.number().min(1),
  }),
  /** A token for so many pixels squared (`factor`) of an image whose area is brought within limits. */
  z.strictObject({
    kind: z.literal('resized'),
    factor: Count,
    minPixels: Count,
    maxPixels: Count,
    /** Largest ratio of the sides that it takes. */
    maxAspect: z.number().min(1),
    /** A side below the factor is brought to it before anything else. */
    enlargesSides: z.boolean().optional(),
  }),
  /** Rows of tokens, each with an end of its own, of an image whose longest edge is limited. */
  z.strictObject({ kind: z.literal('rows'), longest: Count, unit: Count }),
  /** The best of some sizes (height, width), without its padding. */
  z.strictObject({
    kind: z.literal('anyres'),
    size: Count,
    patch: Count,
    grids: z.array(z.tuple([Count, Count])).min(1),
  }),
  /** Tiles of an image that was brought to a longest edge. */
  z.strictObject({ kind: z.literal('tiles'), longest: Count, tile: Count, tokens: Count }),
  /** The grid of tiles whose shape is nearest. */
  z.strictObject({ kind: z.literal('grid'), tile: Count, min: Count, max: Count, tokens: Count }),
  /** Crops that overlap. */
  z.strictObject({
    kind: z.literal('overlap'),
    crops: Count,
    size: Count,
    patch: Count,
    margins: z.tuple([Count, Count]),
    pool: Count,
  }),
]);
export type TokenRule = z.infer<typeof TokenRule>;
/** The rule of one kind. */
export type RuleOf<K extends TokenRule['kind']> = Omit<Extract<TokenRule, { kind: K }>, 'kind'>;

/** Runs of path segments that name a component's parameters; of two that fit, the longer one counts. */
const Segments = z.array(z.string().regex(/^\w+(\.\w+)*$/)).min(1);

/** What is true of a family of models. Read by the worker too, from the same files. */
export const FamilyRecord = z.strictObject({
  /** As `--target` and formats' option `boxes` take it, and the name of its file. */
  name: z.string().regex(/^[a-z0-9]+([.-][a-z0-9]+)*$/),
  title: z.string().min(1),
  /** `model_type` of its configurations. */
  modelTypes: z.array(z.string().regex(/^\w+$/)).min(1),
  /** Published checkpoints that count tokens alike; the first whose pattern fits a model's name is its. */
  checkpoints: z
    .array(
      z.strictObject({
        /** As `--image-tokens` takes it. */
        name: z.string().min(1),
        /** Pattern of models' names, in either case; none where a setting of the processor decides. */
        models: Pattern.optional(),
        imageTokens: TokenRule,
      }),
    )
    .min(1),
  /** Video frames in one temporal patch. */
  temporalPatch: Count.optional(),
  /** How it is run in process: image tokens in one block behind a projector, or tiles with their places. */
  inProcess: z.enum(['projector', 'tiles']).optional(),
  /** Where its parameters are in `transformers`; none where that doesn't know it. */
  components: z.strictObject({ vision: Segments, connector: Segments, language: Segments }).optional(),
  /** What its tokenizer and chat template make of texts. */
  template: z.strictObject({
    /** Strings that become something else than text, wherever they stand. */
    specialTokens: z.array(z.string().min(1)),
    /** User and assistant must take turns, beginning with user. */
    strictTurns: z.boolean().optional(),
    /** It has no place for a system turn. */
    noSystemTurn: z.boolean().optional(),
  }),
  /** How it writes places in its answers, where it was taught to. */
  boxes: z
    .strictObject({
      frame: z.enum(BOX_FRAMES),
      /** A box with `{points}` (`(x,y),(x,y)`) or `{numbers}` (`x, y, x, y`). @default `[{numbers}]` */
      box: z.string().optional(),
      /** What stands around the `{name}` of a thing that was found. @default the name alone */
      reference: z.string().optional(),
    })
    .optional(),
  /** What the training script of its authors does. */
  script: z
    .strictObject({
      /** Patterns of words by which it finds the answers; the first that stands in a text hides the real place. */
      maskWords: z.strictObject({ inUser: z.array(Pattern), inAny: z.array(Pattern) }),
    })
    .optional(),
});
export type FamilyRecord = z.infer<typeof FamilyRecord>;
