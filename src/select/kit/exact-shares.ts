/** Shares of a budget in exact arithmetic: rounding decides who gets the last rows, and must not be the machine's. */
export interface ExactShares {
  /** floor(budget * weight / total). */
  whole: Int32Array;
  /** What is left of each share, in units of one common size; 0 where the share is whole. */
  rest: bigint[];
}

/**
 * budget * weight / sum of weights, each cut to whole rows. Weights and budget are taken as the numbers that they are,
 * to the last bit. All weights 0: nothing.
 */
export function exactShares(weights: ArrayLike<number>, budget: number): ExactShares {
  const { units } = asIntegers(Array.from(weights));
  const total = units.reduce((sum, unit) => sum + unit, 0n);
  const asked = asIntegers([budget]);
  const divisor = total << BigInt(asked.bits);
  if (divisor <= 0n) return { whole: new Int32Array(units.length), rest: units.map(() => 0n) };
  const products = units.map((unit) => unit * asked.units[0]!);
  return {
    whole: Int32Array.from(products, (product) => Number(product / divisor)),
    rest: products.map((product) => product % divisor),
  };
}

/** Places of the shares with the largest rests, `count` of those that may have more; ties go to the earlier. */
export function largestRests({ rest }: ExactShares, count: number, mayHaveMore: (place: number) => boolean): number[] {
  const places = [...rest.keys()].filter(mayHaveMore);
  return places.sort((a, b) => compare(rest[b]!, rest[a]!) || a - b).slice(0, Math.max(0, count));
}

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Numbers of at least 0 as integers over one power of two: value = unit / 2^bits. What isn't finite or is below 0
 * counts as 0.
 */
function asIntegers(values: readonly number[]): { units: bigint[]; bits: number } {
  const sound = values.map((value) => (value > 0 && value < Number.POSITIVE_INFINITY ? value : 0));
  const bits = Math.max(0, ...sound.map(binaryDigits));
  return { units: sound.map((value) => toUnits(value, bits)), bits };
}

/** Binary digits behind the point. */
function binaryDigits(value: number): number {
  let digits = 0;
  for (let rest = value; !Number.isInteger(rest); rest *= 2) digits++;
  return digits;
}

/** value * 2^bits, exactly: doubling a number never rounds it, as long as it isn't whole yet. */
function toUnits(value: number, bits: number): bigint {
  const own = binaryDigits(value);
  let whole = value;
  for (let i = 0; i < own; i++) whole *= 2;
  return BigInt(whole) << BigInt(bits - own);
}

/** A share as a person wrote it, or one count of another, whose quotient would not be exact. */
export type Ratio = number | { part: number; whole: number };

/**
 * A share of a count, in exact arithmetic: 0.29 of 100 is 29, where the product of the two machine numbers is
 * 28.999999999999996. A number is read as the shortest decimal that names it.
 *
 * @param round of what is no whole number
 */
export function shareOfCount(share: Ratio, count: number, round: 'floor' | 'ceil' = 'floor'): number {
  const { digits, scale } = typeof share === 'number' ? decimalOf(share) : countsOf(share);
  const product = digits * BigInt(count);
  const whole = product / scale;
  return Number(round === 'ceil' && product % scale > 0n ? whole + 1n : whole);
}

const countsOf = ({ part, whole }: { part: number; whole: number }): { digits: bigint; scale: bigint } =>
  whole > 0 ? { digits: BigInt(part), scale: BigInt(whole) } : { digits: 0n, scale: 1n };

/** A finite number of at least 0 as digits / scale, scale a power of ten. */
function decimalOf(value: number): { digits: bigint; scale: bigint } {
  const [mantissa = '0', exponent = '0'] = String(value).split('e');
  const [whole = '0', behind = ''] = mantissa.split('.');
  const power = Number(exponent) - behind.length;
  const digits = BigInt(whole + behind) * 10n ** BigInt(Math.max(0, power));
  return { digits, scale: 10n ** BigInt(Math.max(0, -power)) };
}
