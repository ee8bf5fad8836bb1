import { WinnowError } from '../../base/errors.ts';
import type { ColumnOrigin } from './column-origin.ts';

/** Column of a loss that depends on how the image is taken away. */
const BLIND = /^(?:nll_blind|necessity)_(.+)$/;

/**
 * Losses that are ranked together must be comparable: of one model, computed by one server or on this machine, and
 * blind in one way. A loss in process and one over HTTP differ by what the blind pass still shows, which would pass for
 * necessity.
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

/**
 * Options by which the pool and the target may differ: LESS takes Adam's step of the one and the plain gradient of the
 * other.
 */
const EITHER_SIDE = new Set(['gradient']);

/**
 * A pool and its target must be measured by the same model with the same options: gradients that were projected with
 * other seeds have products like any others, and they mean nothing. What was imported or made by different signals is
 * the person's own affair.
 *
 * @throws WinnowError `REFERENCE_DIFFERS`
 */
export function refuseOtherOrigin(
  pool: Readonly<Record<string, ColumnOrigin>>,
  target: Readonly<Record<string, ColumnOrigin>>,
): void {
  for (const [name, its] of Object.entries(target)) {
    const ours = pool[name];
    if (ours?.signal !== its.signal || ours.about.imported !== undefined || its.about.imported !== undefined) continue;
    const options = new Set([...Object.keys(ours.params), ...Object.keys(its.params)]);
    const different = [...options].filter(
      (option) =>
        !EITHER_SIDE.has(option) && JSON.stringify(ours.params[option]) !== JSON.stringify(its.params[option]),
    );
    // The lexical encoder has a revision a data set.
    const isOtherModel = ours.revision !== its.revision && !its.revision.startsWith('lexical-');
    if (different.length === 0 && !isOtherModel) continue;
    const what = [...(isOtherModel ? ['the model'] : []), ...different].join(', ');
    throw new WinnowError({
      code: 'REFERENCE_DIFFERS',
      message: `\`${name}\` of the target can't be compared with that of the pool: they were measured with different options (${what}).`,
      hint: `Run "winnow score ${its.signal}" for both with the same options (what is there is not computed again): the latest ones are taken.`,
      exitCode: 2,
    });
  }
}

function describe({ params, revision, about }: ColumnOrigin): string {
  return params.server === undefined ? `${about.model ?? revision} on this machine` : `${revision} at ${params.server}`;
}
