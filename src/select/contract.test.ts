/** What every selector must satisfy (P1 to P12), run over the registry. A selector whose default breaks one does not belong there. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Column } from '../numeric/columns.ts';
import { createRandom } from '../numeric/philox.ts';
import { REASON_TEXTS } from './reasons.ts';
import { parseOptions, selectors } from './registry.ts';
import type { Selection, Selector, SelectorInput } from './selector.ts';

/** How to try a selector. */
interface Trial {
  /** Options in every test: those without a default, and what keeps a default of many clusters or neighbours small. */
  options?: Record<string, unknown>;
  /** Options for P4, when the defaults group rows by something that depends on row order (k-means). Absent: P4 doesn't apply. */
  permutable?: Record<string, unknown>;
  /** The one column it ranks by, for P6 to P8. */
  score?: string;
  /** True where a larger budget keeps what a smaller one kept. @default whether there is a score */
  prefix?: boolean;
  /** P7: columns that are scaled together. @default the score */
  scaled?: string[];
  /** P8: columns that must be finite in every kept row. @default the score */
  finite?: string[];
  /** For methods that leave rows out by their score (true: those that aren't positive): P5 then allows a declared shortfall. */
  filters?: true | ((input: SelectorInput) => number);
  /** Rows and options of P12, where a hundred thousand rows take too long for a test. */
  large?: { rows?: number; options?: Record<string, unknown> };
}

const GRADIENTS = ['gradient_1', 'gradient_2', 'gradient_3', 'gradient_4', 'gradient_last'];

const TRIALS: Record<string, Trial> = {
  visnec: { permutable: { labels: 'label' }, score: 'necessity', filters: true },
  top: { permutable: {}, score: 'necessity' },
  weighted: {
    options: { weights: 'necessity=1,clip_score=-0.5' },
    prefix: true,
    finite: ['necessity', 'clip_score'],
    scaled: ['clip_score'],
  },
  random: {},
  xmas: { permutable: { labels: 'label' }, scaled: ['attention_sv'], large: { options: { k: 20 } } },
  coincide: { scaled: ['coincide'], large: { rows: 20_000, options: { k: 40 } } },
  semdedup: { prefix: true, scaled: ['hidden'], large: { options: { k: 40 } } },
  d2: { prefix: true, scaled: ['aum'], finite: ['aum'], large: { rows: 20_000 } },
  'self-sup': { options: { keep: 'near' }, prefix: true, scaled: ['image'], large: { options: { k: 40 } } },
  typiclust: { scaled: ['dino'], large: { rows: 10_000, options: { k: 40 } } },
  'facility-location': { prefix: true, scaled: ['image'], large: { rows: 10_000 } },
  'farthest-point': { prefix: true, scaled: ['image'], large: { rows: 5000 } },
  el2n: { permutable: {}, score: 'el2n' },
  aum: { permutable: {}, score: 'aum' },
  'clip-score': { permutable: {}, score: 'clip_score' },
  'mid-ppl': { permutable: {}, score: 'nll_mm', prefix: false },
  learnability: {
    permutable: { initial: 'nll_blind', final: 'nll_mm' },
    prefix: true,
    scaled: ['nll_trajectory'],
    finite: ['nll_blind', 'nll_mm'],
  },
  ifd: {
    permutable: {},
    prefix: true,
    scaled: ['nll_mm', 'nll_direct'],
    finite: ['nll_mm', 'nll_direct'],
    filters: (input) =>
      numbers(input, 'nll_mm').filter((loss, row) => loss / numbers(input, 'nll_direct')[row]! <= 1).length,
  },
  'self-filter': {
    permutable: {},
    prefix: true,
    scaled: ['selffilter'],
    finite: ['selffilter', 'clip_image', 'clip_text'],
    large: { rows: 20_000 },
  },
  coido: { permutable: {}, score: 'coido' },
  magic: { permutable: {}, scaled: ['bridging'], finite: ['necessity', 'bridging'] },
  dics: { permutable: {}, finite: ['vic', 'ric', 'hidden'], large: { rows: 20_000 } },
  less: { permutable: {}, prefix: true, finite: GRADIENTS.slice(0, 4) },
  icons: { permutable: {}, finite: ['gradient_1'] },
  'rds-plus': { permutable: {}, prefix: true, scaled: ['rds'], finite: ['rds'] },
  datainf: { permutable: {}, prefix: true, finite: ['gradient_1'] },
  s2l: { finite: ['nll_trajectory'], large: { rows: 20_000, options: { k: 10 } } },
  tive: { scaled: ['gradient_norm'], finite: ['gradient_last', 'gradient_norm'] },
  presel: { large: { rows: 20_000 } },
  // Not P4: few rows all have the same leverage; src/select/leverage.test.ts has it for many.
  scalselect: { scaled: ['vision_repr'], finite: ['vision_repr'] },
  // Not P4 for these two: sums of ranks and whole ratings tie, and ties go by row.
  datatailor: { finite: ['informativeness', 'tau', 'turns', 'hidden'], large: { rows: 10_000 } },
  mmssr: {
    finite: ['capabilities'],
    filters: ({ columns, rows }) => {
      const { data } = columns.capabilities as { data: Float32Array };
      return Array.from({ length: rows }, (_, row) => data.subarray(3 * row, 3 * row + 3)).filter((own) =>
        own.some((score) => score > 0),
      ).length;
    },
  },
  'adapt-inf': { scaled: ['nll_mm', 'el2n', 'gradient_norm'], finite: ['nll_mm', 'el2n', 'gradient_norm'] },
  // Not P4: of two rows each is as correlated with the other, and the tie goes by row.
  prism: { prefix: true, scaled: ['visual'], finite: ['visual'] },
  cvs: { permutable: {}, prefix: true, finite: ['verdict_question', 'verdict_answer'] },
};

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

const numbers = (input: SelectorInput, name: string): Float32Array =>
  (input.columns[name] as { data: Float32Array }).data;

const seedArbitrary = fc.integer({ min: 0, max: 2 ** 32 - 1 });

/** A pool with everything in it: NaN, infinities, ties, text-only and excluded rows, missing embeddings. */
const poolArbitrary = fc
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

/** Makes all columns, or those that a selector needs by default. */
function makePool(rows: number, seed: number, dirty: boolean, kinds: number, only?: Selector): SelectorInput {
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
  const names =
    only === undefined
      ? [...Object.keys(WIDTHS), ...Object.keys(TEXTS)]
      : only.needs(parseOptions(only, TRIALS[only.name]?.options ?? {}));
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

function permute(input: SelectorInput, order: Int32Array): SelectorInput {
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
    ...(source === undefined ? {} : { source: [...order].map((from) => source[from] ?? null) }),
    ...(textOnly === undefined ? {} : { textOnly: Uint8Array.from(order, (from) => textOnly[from]!) }),
    ...(reference === undefined ? {} : { reference }),
  };
}

function run(selector: Selector, input: SelectorInput, budget: number, options = {}, seed = 42): Promise<Selection> {
  const all = { ...TRIALS[selector.name]?.options, ...options };
  return selector.select(input, parseOptions(selector, all), { budget, seed });
}

/** P1, P2, P10 and the book-keeping, on any result. */
function checkSelection(selection: Selection, input: SelectorInput, budget: number): void {
  const { kept, reasons, perCluster, shortfall, requested } = selection;
  expect(requested).toBe(budget);
  expect(new Set(kept).size).toBe(kept.length);
  for (const row of kept) expect(row >= 0 && row < input.rows && !input.excluded?.has(row)).toBe(true);
  expect(kept.length).toBeLessThanOrEqual(budget);
  expect(shortfall?.missing ?? 0).toBe(budget - kept.length);
  if (shortfall !== undefined) expect(shortfall.because).not.toBe('');
  expect(reasons.map(({ row }) => row)).toEqual(Array.from({ length: input.rows }, (_, row) => row));
  expect(reasons.filter((reason) => reason.kept).map(({ row }) => row)).toEqual([...kept].sort((a, b) => a - b));
  for (const { code, kept: isKept } of reasons) {
    expect(REASON_TEXTS[code].startsWith('kept')).toBe(isKept);
  }
  if (perCluster.length > 0) expect(perCluster.reduce((sum, { kept: n }) => sum + n, 0)).toBe(kept.length);
  for (const { size, candidates, kept: n } of perCluster) {
    expect(candidates).toBeLessThanOrEqual(size);
    expect(n).toBeLessThanOrEqual(candidates);
  }
}

type OddPool = [name: string, rows: number, value: (i: number) => number];

const ODD_POOLS: OddPool[] = [
  ['no rows', 0, () => 0],
  ['one row', 1, () => 1],
  ['identical rows', 30, () => 1],
  ['rows of NaN', 10, () => Number.NaN],
  ['huge values', 10, (i) => 1e38 * (i % 2 === 0 ? 1 : -1)],
];

/** A pool in which all columns hold the same kind of value. */
function oddPool(rows: number, value: (i: number) => number): SelectorInput {
  const columns = [...Object.entries(WIDTHS), ...Object.entries(TEXTS)].map(([name, kind]): [string, Column] => {
    if (typeof kind !== 'number') return [name, { kind: 'text', width: 1, data: Array(rows).fill(kind[0]) }];
    return [name, { kind: 'f32', width: kind, data: Float32Array.from({ length: rows * kind }, (_, i) => value(i)) }];
  });
  return { rows, columns: Object.fromEntries(columns), reference: makeReference(1) };
}

/** Variants that are not the default. */
function otherVariants(selector: Selector): string[] {
  const options = TRIALS[selector.name]?.options ?? {};
  const { variant } = parseOptions(selector, options);
  return ['official', 'paper', 'group', 'chain', 'exact', 'standby', 'density'].filter(
    (other) => other !== variant && selector.options.safeParse({ ...options, variant: other }).success,
  );
}

/** Registers a test only for the selectors that it is about. */
function itWhen(applies: unknown): (name: string, test: () => Promise<void>) => void {
  return (name, test) => {
    if (applies !== undefined && applies !== false) it(name, test);
  };
}

it('has a trial for every selector', () => {
  expect(Object.keys(TRIALS).sort()).toEqual(selectors.map(({ name }) => name).sort());
});

describe.each(selectors.map((selector) => [selector.name, selector] as const))('%s', (name, selector) => {
  const trial = TRIALS[name]!;

  it('P1, P2, P10: unique rows in range, the budget or a declared shortfall, a reason for every row', async () => {
    await fc.assert(
      fc.asyncProperty(poolArbitrary, fc.nat({ max: 70 }), async (input, budget) => {
        checkSelection(await run(selector, input, budget), input, budget);
      }),
      { numRuns: 40 },
    );
  });

  it('P3: the same for an equal seed', async () => {
    await fc.assert(
      fc.asyncProperty(poolArbitrary, seedArbitrary, async (input, seed) => {
        const budget = Math.floor(input.rows / 3);
        const once = await run(selector, input, budget, {}, seed);
        expect(await run(selector, input, budget, {}, seed)).toEqual(once);
      }),
      { numRuns: 15 },
    );
  });

  itWhen(trial.permutable)('P4: follows its rows when they are reordered', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 60 }), seedArbitrary, async (rows, seed) => {
        const input = makePool(rows, seed, false, 3);
        delete input.textOnly;
        const order = createRandom(seed, 'test/order').sample(rows, rows);
        const straight = await run(selector, input, rows >> 1, trial.permutable);
        const shuffled = await run(selector, permute(input, order), rows >> 1, trial.permutable);
        const back = Int32Array.from(shuffled.kept, (row) => order[row]!).sort();
        expect(back).toEqual(straight.kept.slice().sort());
      }),
      { numRuns: 30 },
    );
  });

  it('P5: a budget of 0 gives nothing, a budget of all gives all that is not declared missing', async () => {
    const input = makePool(40, 5, false, 3);
    expect((await run(selector, input, 0)).kept).toHaveLength(0);
    const all = await run(selector, input, 40);
    if (trial.filters === undefined) expect(all.kept).toHaveLength(40);
    else {
      const positive = (): number => numbers(input, trial.score!).filter((s) => s > 0).length;
      const eligible = trial.filters === true ? positive() : trial.filters(input);
      expect(all.kept.length).toBeGreaterThanOrEqual(eligible - 7);
    }
    expect(all.shortfall?.missing ?? 0).toBe(40 - all.kept.length);
  });

  itWhen(trial.prefix ?? trial.score)('P6: a larger budget keeps what a smaller one kept', async () => {
    const input = makePool(50, 8, true, 1);
    const small = await run(selector, input, 10, { ...trial.permutable, textOnly: 'score' });
    const large = await run(selector, input, 17, { ...trial.permutable, textOnly: 'score' });
    for (const row of small.kept) expect(large.kept).toContain(row);
  });

  itWhen(trial.scaled ?? trial.score)('P7: a scale of the score changes nothing', async () => {
    const input = makePool(50, 9, false, 4);
    const scaled = structuredClone(input);
    for (const name of trial.scaled ?? [trial.score!]) {
      const column = scaled.columns[name] as { data: Float32Array };
      column.data = column.data.map((value) => value * 8);
    }
    expect((await run(selector, scaled, 20)).kept).toEqual((await run(selector, input, 20)).kept);
  });

  it('P8: no row with a missing or infinite score comes before one with a finite score', async () => {
    const finite = trial.finite ?? (trial.score === undefined ? [] : [trial.score]);
    if (finite.length === 0) return;
    await fc.assert(
      fc.asyncProperty(poolArbitrary, fc.nat({ max: 60 }), async (input, budget) => {
        const { kept } = await run(selector, input, budget, { ...trial.permutable, textOnly: 'exclude' });
        for (const name of finite) {
          const { data, width } = input.columns[name] as { data: Float32Array; width: number };
          for (const row of kept)
            expect(data.subarray(row * width, (row + 1) * width).every(Number.isFinite)).toBe(true);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('P10: honours and reports the policy for rows without an image', async () => {
    await fc.assert(
      fc.asyncProperty(poolArbitrary, fc.double({ min: 0, max: 1, noNaN: true }), async (input, share) => {
        const budget = Math.floor(share * input.rows);
        const isText = (row: number) => input.textOnly![row] === 1;
        const usable = Array.from({ length: input.rows }, (_, row) => row).filter((row) => !input.excluded?.has(row));
        const texts = usable.filter(isText).length;

        const without = await run(selector, input, budget, { textOnly: 'exclude' });
        checkSelection(without, input, budget);
        expect(without.kept.some(isText)).toBe(false);
        if (texts > 0) expect(without.notes.join(' ')).toContain('no image');

        const proportional = await run(selector, input, budget, { textOnly: 'proportional' });
        checkSelection(proportional, input, budget);
        const exact = usable.length === 0 ? 0 : (Math.min(budget, usable.length) * texts) / usable.length;
        expect(Math.abs(proportional.kept.filter(isText).length - exact)).toBeLessThan(1);

        checkSelection(await run(selector, input, budget, { textOnly: 'score' }), input, budget);
      }),
      { numRuns: 25 },
    );
  });

  it.each(ODD_POOLS)('P11: survives %s', async (_, rows, value) => {
    const input = oddPool(rows, value);
    for (const budget of [0, 1, 5, 100]) checkSelection(await run(selector, input, budget), input, budget);
  });

  it('says how many rows are left out where nothing is finite', async () => {
    if (name === 'random') return;
    const input = oddPool(10, () => Number.NaN);
    const { kept, notes, shortfall } = await run(selector, input, 5);
    expect(kept).toHaveLength(0);
    expect(shortfall?.missing).toBe(5);
    // PreSel's losses are a help alone, and its rows without an embedding are those that can't be kept.
    expect([...notes, shortfall?.because].join(' ')).toMatch(/10 rows/);
  });

  it.each(otherVariants(selector))('variant %s survives odd pools as well', async (variant) => {
    for (const [, rows, value] of ODD_POOLS) {
      const input = oddPool(rows, value);
      for (const budget of [0, 1, 100]) {
        for (const textOnly of ['exclude', 'proportional', 'score']) {
          const options = { ...trial.options, layers: 1, variant, textOnly };
          if (name !== 'coincide') delete (options as { layers?: number }).layers;
          const all = { ...input, textOnly: new Uint8Array(rows).map((_, row) => row % 2) };
          const { kept, reasons } = await selector.select(all, parseOptions(selector, options), { budget, seed: 1 });
          expect(reasons).toHaveLength(rows);
          for (const row of kept) expect(row >= 0 && row < rows && reasons[row]!.kept).toBe(true);
        }
      }
    }
  });

  it('P12: many rows, well within the time of a test', async () => {
    const { rows = 100_000, options = {} } = trial.large ?? {};
    const budget = Math.floor(0.15 * rows);
    const selection = await run(selector, makePool(rows, 1, true, 5, selector), budget, options);
    expect(selection.kept).toHaveLength(budget);
  });

  it('leaves its input as it was, and says what it is', async () => {
    const input = makePool(30, 4, true, 2);
    const before = structuredClone(input);
    await run(selector, input, 10);
    expect(input).toEqual(before);
    expect(selector.title && selector.source && selector.summary).toBeTruthy();
    const defaults = parseOptions(selector, trial.options ?? {});
    for (const column of selector.needs(defaults)) expect(input.columns).toHaveProperty(column);
    for (const column of selector.streams?.(defaults) ?? []) expect(selector.needs(defaults)).toContain(column);
    for (const column of selector.referenceNeeds?.(defaults) ?? [])
      expect(input.reference?.columns).toHaveProperty(column);
    expect(() => parseOptions(selector, { ...trial.options, nonsense: 1 })).toThrow(/nonsense/);
    await expect(run(selector, input, 1, {}, -1)).rejects.toMatchObject({ code: 'SEED_INVALID' });
    await expect(run(selector, input, 0.15)).rejects.toMatchObject({ code: 'BUDGET_INVALID' });
  });
});
