import type { ArenaMethod, ArenaResult } from '../../experiment/arena/result.ts';
import { count, number, percent } from '../format.ts';

/** Which methods choose otherwise than at random, and which of them to try first. */
export interface ArenaAdvice {
  /** Methods that lie further from random subsets than chance explains, the furthest first. */
  unlikeRandom: { id: string; words: string }[];
  /** The one to try first; null where none is unlike random. */
  first: string | null;
  /** Why, a sentence each. */
  why: string[];
}

/** Share of chance results that is accepted, over all methods together. */
const LEVEL = 0.05;

/**
 * A method is worth a training run before others if it chooses otherwise than at random, and then the less harm shows
 * in its choice: planted faults, errors, duplicates, lopsided composition, missing rows. Of equals, the one furthest
 * from random.
 */
export function adviceOf(result: ArenaResult): ArenaAdvice {
  const unlike = result.methods
    .filter(({ kept, distance }) => kept > 0 && distance.adjusted < LEVEL)
    .sort((a, b) => b.distance.value - a.distance.value);
  const ranked = unlike
    .map((method) => ({ method, harms: harmsOf(result, method) }))
    .sort((a, b) => a.harms.length - b.harms.length || faultShare(result, a.method) - faultShare(result, b.method));
  const best = ranked[0];
  return {
    unlikeRandom: unlike.map((method) => ({ id: method.id, words: mostDifferent(result, method) })),
    first: best?.method.id ?? null,
    why: best === undefined ? [whyNone(result)] : whyFirst(result, best.method, best.harms, ranked.length),
  };
}

function whyFirst(result: ArenaResult, method: ArenaMethod, harms: string[], others: number): string[] {
  const good = comparisons(result, method).filter(({ isWorse }) => !isWorse);
  return [
    `It differs from random most in ${mostDifferent(result, method)}.`,
    ...(good.length === 0 ? [] : [`It keeps ${good.map(({ words }) => words).join('; ')}.`]),
    harms.length === 0
      ? 'Nothing that is measured here speaks against its choice: no more bad rows than at random, no lopsided composition, no missing rows.'
      : `Mind that ${harms.join('; ')}. ${others > 1 ? 'The others have more against them.' : ''}`.trim(),
    'Unlike random does not mean better: train on its subset and on a random one of the same size, and compare.',
  ];
}

function whyNone({ methods, draws }: ArenaResult): string {
  if (methods.length === 0) return 'No method could run: measure what they lack first.';
  const reachable = methods.length / (draws + 1);
  return reachable >= LEVEL
    ? `With ${count(draws)} draws and ${count(methods.length)} methods no p can fall below ${LEVEL}: run it with more --draws.`
    : 'No method differs from random subsets by more than chance explains: at this budget a random subset, which costs nothing, is the one to start with.';
}

/** What speaks against a method's choice. */
function harmsOf(result: ArenaResult, method: ArenaMethod): string[] {
  const lopsided = result.quantities.flatMap(({ name, group }, q) =>
    group === 'composition' && method.quantities[q]!.outside
      ? [`its composition by ${name.slice(name.indexOf('/') + 1)} is lopsided`]
      : [],
  );
  return [
    ...comparisons(result, method).flatMap(({ isWorse, words }) => (isWorse ? [`it keeps ${words}`] : [])),
    ...lopsided,
    ...(method.shortfall === undefined ? [] : [`${count(method.shortfall.missing)} rows are missing to the budget`]),
  ];
}

/** Shares of bad rows beside those of random subsets. */
function comparisons(result: ArenaResult, method: ArenaMethod): { words: string; isWorse: boolean }[] {
  const bad = [
    ['fault/any', 'planted faults'],
    ['doctor/any', 'rows with errors'],
    ['doctor/D007', 'duplicates'],
  ] as const;
  return bad.flatMap(([name, words]) => {
    const q = result.quantities.findIndex((one) => one.name === name);
    if (q < 0) return [];
    const { value, lo, hi } = method.quantities[q]!;
    return [
      { words: `${percent(value)} ${words} (random subsets ${percent(lo)} to ${percent(hi)})`, isWorse: value > hi },
    ];
  });
}

function faultShare(result: ArenaResult, method: ArenaMethod): number {
  const q = result.quantities.findIndex(({ name }) => name === 'fault/any');
  return q < 0 ? 0 : method.quantities[q]!.value;
}

/** The quantity that lies furthest from random, with its numbers. */
function mostDifferent(result: ArenaResult, method: ArenaMethod): string {
  let best = -1;
  method.quantities.forEach(({ z }, q) => {
    if (Number.isFinite(z) && (best < 0 || Math.abs(z) > Math.abs(method.quantities[best]!.z))) best = q;
  });
  if (best < 0) return 'nothing that is measured';
  const { group, title } = result.quantities[best]!;
  const { value, lo, hi } = method.quantities[best]!;
  const text = (one: number): string => (group === 'signal' ? number(one, Math.abs(one) >= 100 ? 0 : 2) : percent(one));
  return `${group === 'signal' ? 'the mean of ' : ''}${title} (${text(value)}; random subsets ${text(lo)} to ${text(hi)})`;
}
