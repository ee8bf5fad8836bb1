/** Every reason code with its sentence for people; `{rank}` and the like are filled in from the reason. */
export const REASON_TEXTS = {
  'kept-top': 'kept: rank {rank} of its group, within its quota',
  redistributed: 'kept: rank {rank} of its group, in a place that another group could not fill',
  'kept-window': 'kept: rank {rank} of the pool, within the window of ranks that is kept',
  picked: 'kept: pick {rank}',
  'kept-distinct': 'kept: rank {rank} by how little it resembles others of its cluster',
  random: 'kept: drawn at random',
  'text-only-drawn': 'kept: drawn at random for the share of rows without an image',
  'below-quota': 'dropped: rank {rank} of its group, below its quota',
  duplicate: 'dropped: too similar to another row of its cluster (similarity {score})',
  'small-cluster': 'dropped: its cluster is too small, and such clusters are left out',
  'outside-window': 'dropped: rank {rank} of the pool, outside the window of ranks that is kept',
  'not-positive': 'dropped: the image does not lower the loss (score {score})',
  'below-minimum': 'dropped: its score {score} is not above the minimum that was asked for',
  'not-picked': 'dropped: the budget was used up before it was picked',
  'out-of-range': 'dropped: its score {score} is outside the range that the method keeps',
  'not-drawn': 'dropped: not drawn',
  'text-only-not-drawn': 'dropped: not drawn for the share of rows without an image',
  'text-only': 'dropped: it has no image, and such rows are left out',
  nan: 'dropped: its score is missing or not finite',
  'in-reference': 'left out: it is part of the reference, to which the published pipeline adds the subset',
  'no-cluster': 'dropped: it belongs to no cluster, its embedding or label being missing or not finite',
  excluded: 'left out before the selection',
  'always-keep': 'kept: it is on the list of samples that are always kept',
  'never-keep': 'dropped: it is on the list of samples that are never kept',
  'not-in-pool': 'left out: the selection that this one is made from does not hold it',
  'not-seen': 'left out: the sample was added after this selection was made',
} as const;

/** Stable codes of reasons, part of the API. */
export type ReasonCode = keyof typeof REASON_TEXTS;

/** What happened to one row, in terms a person can check. */
export interface Reason {
  row: number;
  kept: boolean;
  code: ReasonCode;
  cluster?: number;
  /** 1-based rank among the candidates of its cluster (or of the pool). */
  rank?: number;
  score?: number;
  /** Stage of a pipeline that dropped it, or kept it last, from 1. Absent for a single method. */
  stage?: number;
  /**
   * What the score says about the row, where the method has classes: `critical`, `redundant`, `neither`, `misaligned`.
   */
  class?: string;
}

/**
 * The sentence of a reason, with the class of its score where there is one.
 *
 * @param methods of a pipeline, in their order
 */
export function describeReason(reason: Reason, methods: readonly string[] = []): string {
  const text = REASON_TEXTS[reason.code]
    .replace('{rank}', String(reason.rank ?? '?'))
    .replace('{score}', reason.score === undefined ? '?' : reason.score.toPrecision(3));
  const stage =
    reason.stage === undefined ? '' : `stage ${reason.stage} of ${methods.length}, ${methods[reason.stage - 1]}: `;
  return `${stage}${text}${reason.class === undefined ? '' : `; ${reason.class}`}`;
}
