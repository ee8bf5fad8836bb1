/** What visual necessity S = loss without the image - loss with it says about a sample. */
export type NecessityClass = 'critical' | 'redundant' | 'misaligned';

/**
 * S > t: the image is needed (critical); |S| <= t: the text alone is enough (redundant); S < -t: the image makes the
 * answer less likely, so that they don't belong together (misaligned). Undefined where S isn't finite.
 *
 * @param necessity S in nats/token
 * @param threshold t in nats/token
 */
export function necessityClass(necessity: number, threshold: number): NecessityClass | undefined {
  // Columns are f32: 0.05 read from one is 0.0500000007, and must still be "at the threshold".
  const t = Math.fround(threshold);
  const s = Math.fround(necessity);
  if (!Number.isFinite(s)) return undefined;
  if (s > t) return 'critical';
  return s < -t ? 'misaligned' : 'redundant';
}
