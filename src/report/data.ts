import { z } from 'zod';
import { DEFAULT_THRESHOLDS, NECESSITY_CLASSES } from '../select/kit/necessity-class.ts';
import { Fit } from '../signals/fit/measure.ts';

/** One number per sample: a typed array (NaN: missing) or plain numbers (null: missing). */
const Numbers = z.union([
  z.custom<Float32Array | Float64Array>((value) => value instanceof Float32Array || value instanceof Float64Array),
  z.array(z.number().nullable()),
]);
/** One small integer per sample. */
const Integers = z.union([z.custom<Int32Array>((value) => value instanceof Int32Array), z.array(z.int())]);
/** 0 or 1 per sample. */
const Flags = z.union([z.custom<Uint8Array>((value) => value instanceof Uint8Array), z.array(z.int().min(0).max(1))]);
const NecessityClassName = z.enum(NECESSITY_CLASSES);
/** One label per sample; null: none. */
const Labels = z.array(z.string().nullable());

/** A statistic over random subsets. */
export const Interval = z.object({
  mean: z.number().describe('mean over the random subsets'),
  lo: z.number().describe('lower end of the 95 % interval'),
  hi: z.number().describe('upper end of the 95 % interval'),
});
export type Interval = z.infer<typeof Interval>;

/** Columns over the whole pool, all of the same length; entry i of each is row i of the data set. */
const ReportSamples = z.object({
  id: z.array(z.string()).describe('id of every row, quarantined ones included'),
  question: z
    .array(z.string())
    .optional()
    .describe('first instruction; cut by the builder where the page would grow too large'),
  answer: z.array(z.string()).optional().describe('response; cut by the builder where the page would grow too large'),
  source: Labels.optional().describe('data set or file of origin'),
  category: Labels.optional().describe('type of question, as the data set names it'),
  fault: Labels.optional().describe('planted truth: key of `faults`; null: sound'),
  multimodal: Numbers.optional().describe('mean response loss with the image, nats/token'),
  blind: Numbers.optional().describe('mean response loss without the image, nats/token'),
  necessity: Numbers.optional().describe('blind - multimodal, nats/token'),
  textOnly: Flags.optional().describe('1: the row has no image'),
  cluster: Integers.optional().describe('cluster of the instruction; -1: none'),
  x: Numbers.optional().describe('first coordinate on the map, any scale'),
  y: Numbers.optional().describe('second coordinate on the map, any scale'),
});
export type ReportSamples = z.infer<typeof ReportSamples>;

const ReportCluster = z.object({
  cluster: z.int().nonnegative().describe('number used in `samples.cluster`'),
  terms: z.array(z.string()).describe('words that set the cluster apart, most typical first'),
});
export type ReportCluster = z.infer<typeof ReportCluster>;

export const ReportSelection = z.object({
  name: z.string().describe('unique, e.g. visnec-15%-s42'),
  title: z.string().optional().describe('short name in charts, e.g. `VisNec (official)`; else the name'),
  method: z.string().describe('visnec, random, top ...'),
  options: z.record(z.string(), z.unknown()).describe('options in force, defaults filled in'),
  seed: z.int(),
  budget: z.string().optional().describe('as it was asked for, e.g. `15%`'),
  requested: z.int().nonnegative().describe('samples asked for'),
  kept: Integers.describe('rows kept'),
  shortfall: z.object({ missing: z.int(), because: z.string() }).optional(),
  perCluster: z
    .array(z.object({ cluster: z.int(), size: z.int(), candidates: z.int(), quota: z.int(), kept: z.int() }))
    .optional()
    .describe('samples, samples that may be kept, how many were due, how many were kept'),
  reasons: z
    .object({
      code: Labels.describe('why each row was kept or dropped: a code of `select`; null: the row came later'),
      rank: z
        .array(z.number().nullable())
        .optional()
        .describe('1-based rank among the candidates of its cluster or the pool'),
      stage: z.array(z.string().nullable()).optional().describe('of a pipeline: the stage that decided, in words'),
    })
    .optional()
    .describe('one entry per row of the pool; shown for the main selection'),
});
export type ReportSelection = z.infer<typeof ReportSelection>;

/** Random subsets of the main selection's size. */
export const ReportRandom = z.object({
  name: z.string().describe('uniform, stratified by source ...'),
  draws: z.int().positive().describe('number of seeds'),
  size: z.int().nonnegative().describe('samples in each subset'),
  meanNecessity: Interval.optional().describe('nats/token'),
  shares: z
    .partialRecord(NecessityClassName, Interval)
    .optional()
    .describe('share of the subset in each class, 0 to 1'),
  source: z.record(z.string(), Interval).optional().describe('share of the subset from each source, 0 to 1'),
  category: z.record(z.string(), Interval).optional().describe('share of the subset in each category, 0 to 1'),
  fault: z.record(z.string(), Interval).optional().describe('samples of each planted fault in the subset, a count'),
});
export type ReportRandom = z.infer<typeof ReportRandom>;

const ReportFault = z.object({
  key: z.string().describe('value in `samples.fault`'),
  title: z.string().describe('in plain words, e.g. `Answer of another image`'),
  about: z.string().optional().describe('one sentence: what is wrong with these rows'),
  ownCluster: z.int().optional().describe('cluster that these rows fill by themselves, if they do'),
});
export type ReportFault = z.infer<typeof ReportFault>;

export const ReportAuc = z.object({
  title: z.string().describe('what is told apart from what'),
  value: z.number().min(0).max(1).describe('area under the ROC curve'),
  positives: z.int().optional(),
  negatives: z.int().optional(),
});
export type ReportAuc = z.infer<typeof ReportAuc>;

/** Where the page has a picture from. */
const ReportPicture = z.object({
  embedded: z
    .string()
    .regex(/^data:image\/(png|jpeg|webp|avif|gif);base64,[A-Za-z0-9+/=]*$/)
    .optional()
    .describe('the picture itself, reduced, as a data URI'),
  link: z
    .string()
    .regex(/^(\.{1,2}\/|file:\/\/\/)[^\s"'<>]+$/)
    .optional()
    .describe('address of the whole picture, relative to the page'),
  problem: z.string().optional().describe("why it can't be had"),
  video: z.boolean().optional().describe('true: a video, which the page links'),
});

export const ReportPictures = z.object({
  list: z.array(ReportPicture).describe('each picture once, whichever rows share it'),
  of: z.record(z.string(), z.array(z.int().nonnegative())).describe('row: its pictures, as places in `list`'),
});
export type ReportPictures = z.infer<typeof ReportPictures>;

export const GallerySample = z.object({
  row: z.int().nonnegative(),
  question: z.string().describe('in full'),
  answer: z.string().describe('in full'),
  tokens: z
    .object({
      text: z.array(z.string()),
      multimodal: Numbers.describe('loss of each response token with the image, nats'),
      blind: Numbers.describe('loss of each response token without the image, nats'),
    })
    .optional(),
  neighbours: z
    .array(z.object({ id: z.string(), similarity: z.number().describe('cosine') }))
    .optional()
    .describe('nearest kept samples, nearest first'),
});
export type GallerySample = z.infer<typeof GallerySample>;

export const GalleryGroup = z.object({
  title: z.string().describe('e.g. Most critical'),
  about: z.string().describe('one sentence'),
  class: NecessityClassName.optional().describe('hue of the group'),
  rows: z.array(z.int().nonnegative()).describe('rows of `gallery.samples`, in the order shown'),
});
export type GalleryGroup = z.infer<typeof GalleryGroup>;

export const ReportRun = z.object({
  steps: z
    .array(
      z.object({
        name: z.string(),
        seconds: z.number().nonnegative().describe('wall clock'),
        samples: z.int().nonnegative().optional().describe('samples handled, for the rate'),
        cached: z.boolean().optional().describe('true: found finished, nothing was computed'),
      }),
    )
    .optional(),
  models: z
    .array(z.object({ role: z.string(), name: z.string(), revision: z.string(), note: z.string().optional() }))
    .optional(),
  machine: z.record(z.string(), z.string()).optional().describe('e.g. cpu, cores, memory, system'),
  versions: z.record(z.string(), z.string()).optional().describe('e.g. winnow, node, onnxruntime'),
  peakMemoryMb: z.number().optional().describe('peak resident memory, MB'),
  commands: z
    .array(z.object({ title: z.string(), command: z.string() }))
    .optional()
    .describe('what to type to get this page again'),
  lineage: z
    .array(z.object({ what: z.string(), hash: z.string() }))
    .optional()
    .describe('data set, signals, models, selection'),
});
export type ReportRun = z.infer<typeof ReportRun>;

/** What the doctor found in the data set. */
export const ReportDoctor = z.object({
  target: z.string().nullable().describe('what the data was examined for'),
  findings: z
    .array(
      z.object({
        code: z.string(),
        severity: z.enum(['error', 'warn', 'info']),
        count: z.int().nonnegative().describe('faulty rows'),
        sample_ids: z.array(z.string()).describe('the first of them'),
        details: z.array(z.string()).describe('what is wrong with each of these'),
        title: z.string(),
        advice: z.string().describe('what to do'),
        fix: z.string().optional().describe('what the doctor can do itself'),
      }),
    )
    .describe('by code'),
  notRun: z.array(z.object({ code: z.string(), because: z.string() })),
  partial: z.boolean().optional().describe('true: only some checks or rows were looked at'),
});
export type ReportDoctor = z.infer<typeof ReportDoctor>;

/**
 * Everything a report may show. Only `title` and `samples.id` must be there: the parts that lack their data are left
 * out.
 */
export const ReportData = z.object({
  title: z.string().describe('name of the data set'),
  subtitle: z.string().optional().describe('one line under the title, e.g. where the data came from'),
  madeAt: z.string().optional().describe('date and time for people; leave out for a reproducible page'),
  thresholds: z
    .object({
      critical: z.number(),
      misaligned: z.number(),
      blind: z.number().default(DEFAULT_THRESHOLDS.blind),
    })
    .default(DEFAULT_THRESHOLDS)
    .describe('S > critical; S < misaligned; between them a loss without the image up to blind: redundant; nats/token'),
  stale: z.string().optional().describe('what has changed since the selection was made, in a sentence'),
  fit: Fit.optional().describe('whether the model that measured S fits the data; absent: not known'),
  samples: ReportSamples,
  clusters: z.array(ReportCluster).optional(),
  mapNote: z.string().optional().describe('what the two coordinates of the map are'),
  selections: z.array(ReportSelection).optional().describe('the first is the one the page is about'),
  random: z.array(ReportRandom).optional().describe('the first is the baseline in the charts'),
  faults: z.array(ReportFault).optional().describe('planted truth'),
  auc: z.array(ReportAuc).optional(),
  pictures: ReportPictures.optional(),
  gallery: z.object({ groups: z.array(GalleryGroup), samples: z.array(GallerySample) }).optional(),
  quarantined: z
    .array(z.object({ id: z.string(), code: z.string(), reason: z.string(), row: z.int().optional() }))
    .optional(),
  doctor: ReportDoctor.optional().describe('absent: the doctor has not seen these rows'),
  run: ReportRun.optional(),
  notes: z.array(z.string()).optional().describe('limits of this run, one sentence each'),
});
export type ReportData = z.infer<typeof ReportData>;
/** What callers pass: as `ReportData`, with defaults left out. */
export type ReportInput = z.input<typeof ReportData>;
