import { WinnowError } from '../dataset/errors.ts';
import type { ColumnOrigin } from './column-origin.ts';

/** Column of a loss that depends on how the image is taken away. */
const BLIND = /^(?:nll_blind|necessity)_(.+)$/;

/**
 * Losses that are ranked together must be comparable: of one model, computed by one server or on this machine, and blind in one way. A loss in
 * process and one over HTTP differ by what the blind pass still shows, which would pass for necessity.
 *
 * @throws WinnowError `LOSSES_MIXED`
 */
export function refuseMixedLosses(from: Readonly<Record<string, ColumnOrigin>>): void {
  const losses = Object.entries(from).filter(([, origin]) => origin.signal === 'loss');
  const sources = new Map(losses.map(([name, origin]) => [describe(origin), name]));
  const variants = new Map(
    losses.flatMap(([name, { column = name }]) => {
      const variant = BLIND.exec(column)?.[1];
      return variant === undefined ? [] : [[`the blind variant ${variant.replaceAll('_', '-')}`, name] as const];
    }),
  );
  for (const found of [sources, variants]) {
    if (found.size < 2) continue;
    throw new WinnowError({
      code: 'LOSSES_MIXED',
      message: `One ranking would mix losses that can't be compared: ${[...found].map(([what, name]) => `${name} is of ${what}`).join(', ')}.`,
      hint: 'Score them together, or run the "winnow score loss" whose columns you want once more (nothing is computed again): the latest ones are taken. --blind names a variant.',
      exitCode: 2,
    });
  }
}

function describe({ params, revision, about }: ColumnOrigin): string {
  return params.server === undefined ? `${about.model ?? revision} on this machine` : `${revision} at ${params.server}`;
}
