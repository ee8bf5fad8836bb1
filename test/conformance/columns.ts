import type { Column } from '../../src/numeric/columns.ts';
import type { Matrix } from '../../src/numeric/linalg/matrix.ts';
import { type Closeness, differs } from './compare.ts';
import { isRecord, toNumber, toNumbers } from './fixture.ts';

/** A column of one number a row from a list of a fixture. */
export function scalars(value: unknown, what: string): Column {
  return { kind: 'f32', width: 1, data: Float32Array.from(toNumbers(value, what)) };
}

/** A column of labels from a list of a fixture. */
export function labels(value: unknown, what: string): Column {
  return { kind: 'i32', width: 1, data: Int32Array.from(toNumbers(value, what)) };
}

/** Rows of numbers of equal length. @throws if the fixture has something else */
export function toMatrix(value: unknown, what: string): Matrix {
  if (!Array.isArray(value)) throw new TypeError(`${what} is no list: ${JSON.stringify(value)?.slice(0, 80)}`);
  const rows = value.map((row, i) => toNumbers(row, `${what}[${i}]`));
  const width = rows[0]?.length ?? 0;
  if (rows.some((row) => row.length !== width)) throw new TypeError(`${what} has rows of different lengths`);
  return { data: Float32Array.from(rows.flat()), rows: rows.length, width };
}

/** A column of vectors from a list of lists of a fixture. */
export function vectors(value: unknown, what: string): Column {
  const { data, width } = toMatrix(value, what);
  return { kind: 'f32', width, data };
}

/** A list of a fixture. @throws if the fixture has something else */
export function listOf(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value)) throw new TypeError(`${what} is no list`);
  return value;
}

/** An object of a fixture. @throws if the fixture has something else */
export function recordOf(value: unknown, what: string): Record<string, unknown> {
  if (!isRecord(value)) throw new TypeError(`${what} is no object`);
  return value;
}

/** A list of lists of lists of numbers, the inner ones of any length. */
export function matrices(value: unknown, what: string): number[][][] {
  return listOf(value, what).map((one) => listOf(one, what).map((row, i) => toNumbers(row, `${what}[${i}]`)));
}

/** A count or share of a fixture. */
export const numberOf = (inputs: Record<string, unknown>, key: string): number => toNumber(inputs[key], key);

/** The first difference of several comparisons. */
export const firstOf = (...found: (string | false | undefined)[]): string | undefined =>
  found.find((difference): difference is string => typeof difference === 'string');

/**
 * Compares each output of a fixture with what was found for it. Differences found elsewhere come first.
 *
 * @param close how close floats must be; `byOutput` says it for one of them
 */
export function firstDifference(
  found: Record<string, unknown>,
  outputs: Record<string, unknown>,
  {
    others = [],
    close,
    byOutput = {},
  }: { others?: (string | undefined)[]; close?: Closeness; byOutput?: Record<string, Closeness> } = {},
): string | undefined {
  const own = Object.keys(outputs)
    .filter((key) => key in found)
    .map((key) => differs(key, outputs[key], found[key], byOutput[key] ?? close));
  return [...others, ...own].find((one) => one !== undefined);
}
