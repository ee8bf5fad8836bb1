/** Properties of pipelines and limits, over random pools, lists, rules and budgets. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../numeric/philox.ts';
import { findSelector, parseOptions } from '../methods/find.ts';
import type { SelectorInput } from '../selector.ts';
import { type Composed, type Composition, compose, type Stage } from './compose.ts';
import { boundsFor, parseSourceRules, type SourceRules } from './source-rules.ts';

const SOURCES = ['web', 'book', 'unknown'];

/** Rows with two scores (some missing), a label, a source and a number of tokens, all from one seed. */
function makeInput(rows: number, seed: number): { input: SelectorInput; sources: string[]; tokens: Float64Array } {
  const random = createRandom(seed, 'test/compose');
  const scores = () =>
    Float32Array.from({ length: rows }, () => (random.below(9) === 0 ? Number.NaN : random.normal()));
  const sources = Array.from({ length: rows }, () => SOURCES[random.below(3)]!);
  const input: SelectorInput = {
    rows,
    columns: {
      a: { kind: 'f32', width: 1, data: scores() },
      b: { kind: 'f32', width: 1, data: scores() },
      hidden: { kind: 'f32', width: 3, data: Float32Array.from({ length: rows * 3 }, () => random.normal()) },
    },
    textOnly: new Uint8Array(rows),
    source: sources.map((source) => (source === 'unknown' ? null : source)),
  };
  return { input, sources, tokens: Float64Array.from({ length: rows }, () => 1 + random.below(50)) };
}

function stage(
  input: SelectorInput,
  method: string,
  options: Record<string, unknown>,
  amount?: Stage['amount'],
): Stage {
  const selector = findSelector(method);
  return { selector, options: parseOptions(selector, options), input, amount };
}

const allRows = (rows: number) => Int32Array.from({ length: rows }, (_, row) => row);

/** A pool, two lists that don't meet, rules that can be met, and a budget that holds the list. */
const planArbitrary = fc
  .record({
    rows: fc.integer({ min: 1, max: 80 }),
    seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    always: fc.integer({ min: 0, max: 4 }),
    never: fc.integer({ min: 0, max: 10 }),
    more: fc.integer({ min: 0, max: 60 }),
    method: fc.constantFrom('top', 'random', 'semdedup'),
    first: fc.constantFrom(undefined, 'top', 'random'),
    byCost: fc.boolean(),
    quota: fc.integer({ min: 0, max: 40 }),
    floor: fc.integer({ min: 0, max: 30 }),
    max: fc.integer({ min: 0, max: 60 }),
    ruled: fc.boolean(),
  })
  .map((made) => ({ made, ...makePlan(made) }));

interface Made {
  rows: number;
  seed: number;
  always: number;
  never: number;
  more: number;
  method: string;
  first: string | undefined;
  byCost: boolean;
  quota: number;
  floor: number;
  max: number;
  ruled: boolean;
}

function makePlan(made: Made): { plan: Composition; budget: number; limit: number } {
  const { rows, seed, method } = made;
  const { input, sources, tokens } = makeInput(rows, seed);
  const drawn = createRandom(seed, 'test/lists').sample(rows, Math.min(rows, made.always + made.never));
  const always = drawn.slice(0, made.always).sort();
  const outside = new Map([...drawn.slice(made.always)].map((row) => [row, 'never-keep'] as const));
  const budget = Math.max(1, always.length) + made.more;
  const limit = always.reduce((sum, row) => sum + tokens[row]!, 0) + 60 + 20 * made.more;
  const options: Record<string, Record<string, unknown>> = { top: { column: 'a' }, random: {}, semdedup: {} };
  const last = stage(input, method, options[method]!, () => (made.byCost ? { tokens: limit } : { count: budget }));
  const first = made.first === undefined ? [] : [stage(input, made.first, made.first === 'top' ? { column: 'b' } : {})];
  const isAlways = new Set(always);
  const rules: SourceRules = {
    quota: [`web=${made.quota}%`],
    floor: [`book=${made.floor}%`],
    max: [`unknown=${made.max}%`],
  };
  const plan: Composition = {
    rows,
    stages: [...first, last],
    pool: allRows(rows).filter((row) => !outside.has(row) && !isAlways.has(row)),
    always,
    outside,
    sources,
    // A list that breaks a maximum is refused, which is another test.
    rules: made.ruled && always.length === 0 ? parseSourceRules(rules, new Set(SOURCES)) : undefined,
    tokens,
  };
  return { plan, budget, limit };
}

const run = (plan: Composition, seed = 7): Promise<Composed> => compose(plan, { seed });

describe('a composed selection', () => {
  it('keeps to its budget and lists, and has a reason for every row', async () => {
    await fc.assert(
      fc.asyncProperty(planArbitrary, async ({ made, plan, budget, limit }) => {
        const { selection } = await run(plan);
        const kept = new Set(selection.kept);
        expect(kept.size).toBe(selection.kept.length);
        const spent = selection.kept.reduce((sum, row) => sum + plan.tokens![row]!, 0);
        if (made.byCost) expect(spent).toBeLessThanOrEqual(limit);
        else expect(kept.size + (selection.shortfall?.missing ?? 0)).toBe(budget);
        for (const row of plan.always) expect(kept.has(row)).toBe(true);
        for (const row of plan.outside.keys()) expect(kept.has(row)).toBe(false);
        expect(selection.reasons.map(({ row }) => row)).toEqual([...allRows(plan.rows)]);
        for (const reason of selection.reasons) expect(reason.kept).toBe(kept.has(reason.row));
      }),
      { numRuns: 200 },
    );
  });

  it('gives each source what its rule says, or says how much is missing', async () => {
    await fc.assert(
      fc.asyncProperty(planArbitrary, async ({ made, plan }) => {
        fc.pre(plan.rules !== undefined && !made.byCost);
        const { selection, sources } = await run(plan);
        for (const { source, least, most, kept } of sources) {
          expect(kept).toBe(selection.kept.filter((row) => plan.sources[row] === source).length);
          if (most !== null) expect(kept).toBeLessThanOrEqual(most);
          if (kept < least)
            expect(selection.notes.join('\n')).toContain(`${kept} of the ${least} samples due from "${source}"`);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('is the same again', async () => {
    await fc.assert(
      fc.asyncProperty(planArbitrary, async ({ plan }) => {
        expect(await run(plan)).toEqual(await run(plan));
      }),
      { numRuns: 30 },
    );
  });
});

describe('a pipeline', () => {
  const { input } = makeInput(60, 3);
  const whole = { rows: 60, pool: allRows(60), always: new Int32Array(), outside: new Map(), sources: [] };

  it('is each method on what the one before it kept', async () => {
    const stages = [
      stage(input, 'top', { column: 'b' }, () => ({ count: 30 })),
      stage(input, 'top', { column: 'a' }, () => ({ count: 10 })),
    ];
    const { selection, stages: counts } = await run({ ...whole, stages: stages });
    const [a, b] = ['a', 'b'].map((name) => (input.columns[name] as { data: Float32Array }).data);
    const best = (rows: number[], score: Float32Array, n: number) =>
      rows
        .filter((row) => !Number.isNaN(score[row]))
        .sort((x, y) => score[y]! - score[x]!)
        .slice(0, n);
    expect([...selection.kept]).toEqual(best(best([...allRows(60)], b!, 30), a!, 10));
    expect(counts.map(({ arrived, asked, kept }) => [arrived, asked, kept])).toEqual([
      [60, 30, 30],
      [30, 10, 10],
    ]);
    expect(selection.reasons.filter(({ stage: s }) => s === 1).length).toBe(30);
    expect(selection.method).toBe('top then top');
  });

  it('narrows by the same factor at each stage that has no amount of its own', async () => {
    const stages = [
      stage(input, 'random', {}),
      stage(input, 'random', {}),
      stage(input, 'random', {}, () => ({ count: 7 })),
    ];
    const { stages: counts } = await run({ ...whole, stages: stages });
    // 60 * (7 / 60)^(1/3) is 29.3, and 29 * (7 / 29)^(1/2) is 14.2.
    expect(counts.map(({ kept }) => kept)).toEqual([29, 14, 7]);
  });

  it('lets a stage decide by itself where its options do', async () => {
    const data = new Float32Array(60 * 3).map((_, i) => (i % 3 === 0 ? 1 : 0));
    const twins = { ...input, columns: { ...input.columns, hidden: { kind: 'f32' as const, width: 3, data } } };
    const stages = [stage(twins, 'semdedup', { eps: 0.1, k: 1 }), stage(twins, 'random', {}, () => ({ count: 20 }))];
    const { selection, stages: counts } = await run({ ...whole, stages: stages });
    expect(counts.map(({ kept }) => kept)).toEqual([1, 1]);
    expect(selection.shortfall).toMatchObject({
      missing: 19,
      because: expect.stringMatching(/stage 1, semdedup: .*duplicate/),
    });
  });
});

describe('rules for sources', () => {
  const sources = new Set(['a', 'b', 'c']);
  const available = new Map([...sources].map((source) => [source, 1000] as const));
  const bounds = (rules: SourceRules, budget: number) => [
    ...boundsFor(parseSourceRules(rules, sources), budget, available),
  ];

  it('round quotas by largest remainder, floors up, maxima down', () => {
    expect(bounds({ quota: { a: '33.4%', b: '33.3%', c: '33.3%' } }, 100).map(([, { least }]) => least)).toEqual([
      34, 33, 33,
    ]);
    expect(bounds({ floor: ['a=0.5%'], max: ['b=1.9%'] }, 100)).toEqual([
      ['a', { least: 1, most: Number.POSITIVE_INFINITY }],
      ['b', { least: 0, most: 1 }],
    ]);
    expect(bounds({ floor: ['a=29%'] }, 100)[0]![1].least).toBe(29);
    expect(bounds({ quota: ['a=7'] }, 100)).toEqual([['a', { least: 7, most: 7 }]]);
  });

  it.each([
    [{ quota: ['a=60%', 'b=50%'] }, 'SOURCE_RULES_CLASH'],
    [{ quota: ['a=10%'], max: ['a=20%'] }, 'SOURCE_RULES_CLASH'],
    [{ floor: ['a=60'], quota: ['b=50'] }, 'SOURCE_RULES_CLASH'],
    [{ floor: ['a=20'], max: ['a=10'] }, 'SOURCE_RULES_CLASH'],
    [{ quota: ['a=1', 'a=2'] }, 'SOURCE_RULES_CLASH'],
    [{ quota: ['d=1'] }, 'SOURCE_UNKNOWN'],
    [{ quota: ['a'] }, 'SOURCE_AMOUNT_INVALID'],
    [{ quota: ['a=120%'] }, 'SOURCE_AMOUNT_INVALID'],
    [{ quota: ['a=-3'] }, 'SOURCE_AMOUNT_INVALID'],
    [{ quota: ['a=1.5'] }, 'SOURCE_AMOUNT_INVALID'],
  ] as [SourceRules, string][])('refuse %j', (rules, code) => {
    expect(() => bounds(rules, 100)).toThrow(expect.objectContaining({ code, exitCode: 2 }));
  });

  it('leave the choice alone where nothing is touched', async () => {
    const { input, sources: own } = makeInput(60, 3);
    const plain = { rows: 60, pool: allRows(60), always: new Int32Array(), outside: new Map(), sources: own };
    const stages = [stage(input, 'top', { column: 'a' }, () => ({ count: 20 }))];
    const rules = parseSourceRules({ floor: ['web=1'], max: ['book=100%'] }, new Set(SOURCES));
    const [free, ruled] = [await run({ ...plain, stages }), await run({ ...plain, stages, rules })];
    expect(ruled.selection.kept).toEqual(free.selection.kept);
  });
});
