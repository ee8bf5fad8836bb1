import fc from 'fast-check';
import type { Column } from '../../numeric/columns.ts';
import { createRandom } from '../../numeric/philox.ts';
import type { SelectorInput } from '../selector.ts';

export const GRADIENTS = ['gradient_1', 'gradient_2', 'gradient_3', 'gradient_4', 'gradient_last'];

/** Columns that selectors read, with their width here. */
const WIDTHS: Record<string, number> = {
  ...Object.fromEntries(
    [
      'necessity',
      'nll_mm',
      'nll_blind',
      'nll_direct',
      'nll_image_only',
      'el2n',
      'aum',
      'clip_score',
      'gradient_norm',
      'selffilter',
      'coido',
      'bridging',
      'vic',
      'ric',
      'verdict_question',
      'verdict_answer',
      'informativeness',
      'tau',
      'turns',
    ].map((name) => [name, 1]),
  ),
  nll_trajectory: 3,
  attention_sv: 15,
  coincide: 20,
  ...Object.fromEntries(
    [
      'instruction',
      'image',
      'visual',
      'clip_image',
      'clip_text',
      'hidden',
      'rds',
      'vision_repr',
      'dino',
      'capabilities',
      ...GRADIENTS,
    ].map((name) => [name, 3]),
  ),
};

/** What becomes of a drawn number in columns that hold less than all numbers. */
const share = (x: number): number => (Number.isFinite(x) ? Math.abs(x) % 1 : x);
const SHAPES: Record<string, (x: number) => number> = {
  verdict_question: share,
  verdict_answer: share,
  gradient_norm: Math.abs,
  informativeness: share,
  tau: share,
  turns: (x) => (Number.isFinite(x) ? 1 + Math.floor(Math.abs(x)) : 1),
  capabilities: (x) => Math.min(5, Math.floor(Math.abs(2.5 * x))),
};

/** Columns of labels, with the texts that occur. */
const TEXTS: Record<string, readonly string[]> = {
  styles: ['short', 'short,multi', 'cot'],
  signature: ['a', 'b', 'c'],
};

export const numbers = (input: SelectorInput, name: string): Float32Array =>
  (input.columns[name] as { data: Float32Array }).data;

export const seedArbitrary = fc.integer({ min: 0, max: 2 ** 32 - 1 });

/** A pool with everything in it: NaN, infinities, ties, text-only and excluded rows, missing embeddings. */
export const poolArbitrary = fc
  .record({
    rows: fc.integer({ min: 0, max: 60 }),
    seed: seedArbitrary,
    dirty: fc.boolean(),
    kinds: fc.integer({ min: 1, max: 5 }),
  })
  .map((made) => {
    const input = makePool(made.rows, made.seed, made.dirty, made.kinds);
    // A counterexample is named by what it was made from, not by its thousands of numbers.
    Object.defineProperty(input, fc.toStringMethod, { value: () => JSON.stringify(made) });
    return input;
  });

/** @param only columns that are made. @default all */
export function makePool(
  rows: number,
  seed: number,
  dirty: boolean,
  kinds: number,
  only?: readonly string[],
): SelectorInput {
  const random = createRandom(seed, 'test/pool');
  const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0.5, 0.5];
  const value = (): number => (dirty && random.below(5) === 0 ? odd[random.below(odd.length)]! : random.normal());
  const column = (name: string): Column => {
    const texts = TEXTS[name];
    if (texts !== undefined) {
      const data = Array.from({ length: rows }, () => texts[random.below(texts.length)]!);
      return { kind: 'text', width: 1, data };
    }
    const width = WIDTHS[name]!;
    const shape = SHAPES[name] ?? ((x: number) => x);
    const draw = (): number => shape(width === 1 ? value() : random.normal());
    const data = Float32Array.from({ length: rows * width }, draw);
    const isBad = (): boolean => dirty && width > 1 && random.below(9) === 0;
    for (let row = 0; row < rows; row++) if (isBad()) data[row * width + 1] = Number.NaN;
    return { kind: 'f32', width, data };
  };
  const names = only ?? [...Object.keys(WIDTHS), ...Object.keys(TEXTS)];
  const input: SelectorInput = {
    rows,
    columns: {
      ...Object.fromEntries(names.map((name) => [name, column(name)])),
      label: { kind: 'i32', width: 1, data: Int32Array.from({ length: rows }, () => random.below(kinds)) },
    },
    source: Array.from({ length: rows }, () => [null, 'a', 'b'][random.below(3)] ?? null),
    textOnly: Uint8Array.from({ length: rows }, () => (random.below(6) === 0 ? 1 : 0)),
    reference: makeReference(seed),
  };
  if (dirty) {
    const bad = Array.from({ length: rows }, (_, row) => row).filter(() => random.below(8) === 0);
    input.excluded = new Map(bad.map((row) => [row, 'broken image']));
  }
  return input;
}

/** The second data set of methods that aim at one. */
function makeReference(seed: number): SelectorInput {
  const random = createRandom(seed, 'test/reference');
  const names = ['rds', ...GRADIENTS];
  const column = (width: number): Column => {
    return { kind: 'f32', width, data: Float32Array.from({ length: 7 * width }, () => random.normal()) };
  };
  return {
    rows: 7,
    columns: Object.fromEntries(names.map((name) => [name, column(WIDTHS[name]!)])),
    source: ['x', 'y', 'y', 'x', 'x', 'y', 'z'],
  };
}

export function permute(input: SelectorInput, order: Int32Array): SelectorInput {
  const columns = Object.entries(input.columns).map(([name, column]): [string, Column] => {
    if (column.kind === 'list') throw new Error('not used here');
    if (column.kind === 'text') return [name, { ...column, data: [...order].map((from) => column.data[from]!) }];
    const data = column.data.slice();
    order.forEach((from, to) => {
      for (let t = 0; t < column.width; t++) data[to * column.width + t] = column.data[from * column.width + t]!;
    });
    return [name, { ...column, data } as Column];
  });
  const { source, textOnly, reference } = input;
  return {
    rows: input.rows,
    columns: Object.fromEntries(columns),
    source: source === undefined ? undefined : [...order].map((from) => source[from] ?? null),
    textOnly: textOnly === undefined ? undefined : Uint8Array.from(order, (from) => textOnly[from]!),
    reference,
  };
}

type OddPool = [name: string, rows: number, value: (i: number) => number];

export const ODD_POOLS: OddPool[] = [
  ['no rows', 0, () => 0],
  ['one row', 1, () => 1],
  ['identical rows', 30, () => 1],
  ['rows of NaN', 10, () => Number.NaN],
  ['huge values', 10, (i) => 1e38 * (i % 2 === 0 ? 1 : -1)],
];

/** A pool in which all columns hold the same kind of value. */
export function oddPool(rows: number, value: (i: number) => number): SelectorInput {
  const columns = [...Object.entries(WIDTHS), ...Object.entries(TEXTS)].map(([name, kind]): [string, Column] => {
    if (typeof kind !== 'number') return [name, { kind: 'text', width: 1, data: Array(rows).fill(kind[0]) }];
    return [name, { kind: 'f32', width: kind, data: Float32Array.from({ length: rows * kind }, (_, i) => value(i)) }];
  });
  return { rows, columns: Object.fromEntries(columns), reference: makeReference(1) };
}
