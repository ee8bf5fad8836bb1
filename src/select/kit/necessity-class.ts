/**
 * What visual necessity S = loss without the image - loss with it says about a sample. `text-only`: it has no image,
 * and S says nothing.
 */
export const NECESSITY_CLASSES = ['critical', 'redundant', 'neither', 'misaligned', 'text-only'] as const;
export type NecessityClass = (typeof NECESSITY_CLASSES)[number];

/** Where the classes part, nats/token. */
export interface ClassThresholds {
  /** S above it: critical. */
  critical: number;
  /** S below it: misaligned. */
  misaligned: number;
  /** Loss without the image above which the text does not give the answer either. */
  blind: number;
}

/**
 * The thresholds where nothing else is asked for. 0.05 nats/token is a difference of 5 % in the probability of a token,
 * within which S is taken for 0 (our convention: VisNec ranks by S and keeps S > 0). ln 2 is the loss at which the
 * answer's tokens have a probability of one half (geometric mean): below it the text alone gives the answer more often
 * than not (ours too).
 */
export const DEFAULT_THRESHOLDS: ClassThresholds = { critical: 0.05, misaligned: -0.05, blind: Math.LN2 };

/** The thresholds that a method was asked for, else the usual ones. */
export function thresholdsOf(options: Readonly<Record<string, unknown>>): ClassThresholds {
  const { threshold, blindThreshold } = options;
  const { critical, blind } = DEFAULT_THRESHOLDS;
  const t = typeof threshold === 'number' ? threshold : critical;
  return { critical: t, misaligned: -t, blind: typeof blindThreshold === 'number' ? blindThreshold : blind };
}

/** What is known of a sample. */
export interface ClassFacts {
  /** S, nats/token. */
  necessity: number;
  /** Loss without the image, nats/token; NaN or absent: not known. */
  blind?: number | undefined;
  textOnly?: boolean;
}

/**
 * S > t: the image is needed (critical). S < -t: the image makes the answer less likely (misaligned). Between them the
 * image changes nothing: the text alone is enough (redundant), or neither of them is, the loss without the image being
 * high. Undefined where S isn't finite.
 */
export function necessityClass(
  { necessity, blind = Number.NaN, textOnly = false }: ClassFacts,
  thresholds: ClassThresholds,
): NecessityClass | undefined {
  // Columns are f32: 0.05 read from one is 0.0500000007, and must still be "at the threshold".
  const s = Math.fround(necessity);
  if (!Number.isFinite(s)) return undefined;
  if (textOnly) return 'text-only';
  if (s > Math.fround(thresholds.critical)) return 'critical';
  if (s < Math.fround(thresholds.misaligned)) return 'misaligned';
  return Math.fround(blind) > Math.fround(thresholds.blind) ? 'neither' : 'redundant';
}

/** The class of every row. */
export function classesOf(
  columns: {
    necessity: ArrayLike<number | null>;
    blind?: ArrayLike<number | null> | undefined;
    textOnly?: ArrayLike<number> | undefined;
  },
  thresholds: ClassThresholds,
): (NecessityClass | undefined)[] {
  return Array.from(columns.necessity, (s, i) =>
    necessityClass(
      {
        necessity: s ?? Number.NaN,
        blind: columns.blind?.[i] ?? Number.NaN,
        textOnly: columns.textOnly?.[i] === 1,
      },
      thresholds,
    ),
  );
}
