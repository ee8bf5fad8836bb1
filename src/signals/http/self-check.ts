import { WinnowError } from '../../base/errors.ts';
import type { Sample } from '../../dataset/sample.ts';
import type { SignalContext } from '../signal.ts';
import type { RowOutcome } from './score-row.ts';

/** Faults of the data, which say nothing about a server. */
export const OF_THE_DATA = /^(MEDIA_|IMAGE_(BROKEN|MISSING|TOO_LARGE)|VIDEO_|NO_RESPONSE)/;

/**
 * Score rows spread over the data set in one order, then backwards: with prefix caching or faults of batching, numbers
 * depend on the order of requests.
 *
 * @throws WinnowError `SERVER_UNSTABLE` where the orders differ by more than `tolerance` in a row's mean loss;
 * `SELF_CHECK_FAILED` where no row can be scored
 */
export async function checkTwoOrders(
  score: (samples: readonly Sample[]) => Promise<RowOutcome[]>,
  { dataset, progress }: SignalContext,
  { selfCheck, tolerance }: { selfCheck: number; tolerance: number },
): Promise<void> {
  const samples = await spread(dataset, selfCheck);
  if (samples.length === 0) return;
  progress?.(`checking the server on ${samples.length} rows`, 0, 2 * samples.length);
  const forward = await score(samples);
  progress?.(`checking the server on ${samples.length} rows`, samples.length, 2 * samples.length);
  const backward = (await score(samples.toReversed())).reverse();
  const faults = forward.filter((row) => row instanceof WinnowError);
  const fault = faults.find(({ code }) => !OF_THE_DATA.test(code));
  if (faults.length === samples.length && fault !== undefined) {
    throw new WinnowError({
      code: 'SELF_CHECK_FAILED',
      message: `None of the ${samples.length} rows that were tried could be scored: ${fault.message}`,
      hint: fault.hint,
      cause: fault,
    });
  }
  for (const [i, first] of forward.entries()) compare(samples[i]!, first, backward[i]!, tolerance);
}

function compare({ id }: Sample, first: RowOutcome, second: RowOutcome, tolerance: number): void {
  const failed = [first, second].find((row) => row instanceof WinnowError);
  if (first instanceof WinnowError || second instanceof WinnowError) {
    if (first instanceof WinnowError && second instanceof WinnowError) return;
    throw unstable(id, `could be scored in one order only (${failed instanceof WinnowError ? failed.message : ''})`);
  }
  for (const [pass, losses] of [['with the image', first.multimodal] as const, ...Object.entries(first.blind)]) {
    const again = pass === 'with the image' ? second.multimodal : second.blind[pass as keyof typeof second.blind]!;
    const difference = Math.abs(mean(losses) - mean(again));
    if (!(difference <= tolerance))
      throw unstable(
        id,
        `has the loss ${mean(losses).toFixed(4)} and then ${mean(again).toFixed(4)} (${pass}; at most ${tolerance} apart is taken)`,
      );
  }
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

export function unstable(id: string, what: string): WinnowError {
  return new WinnowError({
    code: 'SERVER_UNSTABLE',
    message: `The server's numbers depend on what it was asked before: row ${id} ${what}.`,
    where: { id },
    hint: 'Start it with --no-enable-prefix-caching and without speculative decoding (SGLang: --disable-radix-cache); a larger --tolerance takes what low precision adds.',
  });
}

/** Rows at even distances. */
export async function spread(dataset: SignalContext['dataset'], count: number): Promise<Sample[]> {
  const n = Math.min(count, dataset.rows);
  const rows = Array.from({ length: n }, (_, i) => Math.floor((i * dataset.rows) / n));
  return (await dataset.get(rows)).filter((sample) => sample !== null);
}
