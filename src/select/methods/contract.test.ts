/**
 * What every selector must satisfy (P1 to P12), run over the registry. A selector whose default breaks one does not
 * belong there.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../numeric/philox.ts';
import { REASON_TEXTS } from '../reasons.ts';
import type { Selection, Selector, SelectorInput } from '../selector.ts';
import { makePool, numbers, ODD_POOLS, oddPool, permute, poolArbitrary, seedArbitrary } from '../testing/pools.ts';
import { TRIALS } from '../testing/trials.ts';
import { parseOptions, selectors } from './find.ts';

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
    const needs = selector.needs(parseOptions(selector, trial.options ?? {}));
    const selection = await run(selector, makePool(rows, 1, true, 5, needs), budget, options);
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
