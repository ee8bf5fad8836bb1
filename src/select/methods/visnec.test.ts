import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Column } from '../../numeric/columns.ts';
import { createRandom } from '../../numeric/philox.ts';
import { parseBudget } from '../compose/budget.ts';
import type { Selection, SelectorInput } from '../selector.ts';
import { selectBy } from './find.ts';

const golden = (file: string) =>
  JSON.parse(readFileSync(new URL(`../../../test/goldens/visnec/${file}`, import.meta.url), 'utf8'));

const f32 = (values: number[], width = 1): Column => ({ kind: 'f32', width, data: Float32Array.from(values) });

function labelled(necessity: number[], clusters: (number | string | null)[]): SelectorInput {
  return {
    rows: necessity.length,
    columns: {
      necessity: f32(necessity),
      cluster: { kind: 'text', width: 1, data: clusters.map((c) => (c === null ? null : String(c))) },
    },
  };
}

function run(input: SelectorInput, budget: string, options: Record<string, unknown> = {}): Promise<Selection> {
  const { count, fraction } = parseBudget(budget, input.rows);
  const context = { budget: count, seed: 42, fraction };
  return selectBy('visnec', input, { labels: 'cluster', ...options }, context);
}

describe('visnec', () => {
  it('reproduces the published rule', async () => {
    const { inputs, outputs } = golden('worked_example_tiny.json');
    const { kept } = await run(labelled(inputs.visnec, inputs.cluster_id), '50%', { variant: 'official' });
    expect([...kept]).toEqual(outputs.selected_rows);
  });

  it.each([
    ['cluster', 'r_of_cluster'],
    ['survivors', 'r_of_survivors'],
  ])('reproduces the reading "r of %s"', async (base, key) => {
    const { inputs, outputs } = golden('paper_variants.json');
    const { kept, shortfall } = await run(labelled(inputs.visnec, inputs.cluster_id), '15%', { base });
    expect([...kept]).toEqual(outputs[key]);
    expect(shortfall?.missing).toBe(13 - outputs[key].length);
  });

  it('keeps no row with S <= 0: the worked case of the paper', async () => {
    const mm = [1.0, 0.5, 0.9];
    const blind = [1.5, 0.4, 0.9];
    const input = labelled(
      mm.map((loss, i) => blind[i]! - loss),
      [0, 0, 0],
    );
    const selection = await run(input, '3');
    expect([...selection.kept]).toEqual([0]);
    expect(selection.reasons.map(({ code }) => code)).toEqual(['kept-top', 'not-positive', 'not-positive']);
    expect(selection.shortfall).toEqual({ missing: 2, because: '2 rows have no positive score' });
  });

  it('tells rows whose score is missing from those whose score is not positive', async () => {
    const { reasons, shortfall } = await run(labelled([1, -1, Number.NaN, Number.NaN], [0, 0, 0, 0]), '4');
    expect(reasons.map(({ code }) => code)).toEqual(['kept-top', 'not-positive', 'nan', 'nan']);
    expect(shortfall?.because).toBe('2 rows have no measured score; 1 row has no positive score');
  });

  it('gives clusters quotas by original size and passes on what one cannot fill', async () => {
    // Cluster a: 6 rows, 1 positive; b: 3 rows; c: 3 rows. Budget 6 gives 3, 1.5, 1.5 -> 3, 2, 1.
    const necessity = [0.9, -1, -1, -1, -1, -1, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6];
    const input = labelled(necessity, [...'aaaaaabbbccc']);
    const { kept, perCluster, reasons, shortfall } = await run(input, '50%');
    expect(
      perCluster.map(({ label, size, candidates, quota, kept: n }) => [label, size, candidates, quota, n]),
    ).toEqual([
      ['a', 6, 1, 3, 1],
      ['b', 3, 3, 2, 3],
      ['c', 3, 3, 1, 2],
    ]);
    expect([...kept]).toEqual([0, 6, 7, 8, 10, 11]);
    expect(reasons[6]).toMatchObject({ code: 'redistributed', rank: 3, cluster: 1 });
    expect(reasons[9]).toMatchObject({ code: 'below-quota', rank: 3, kept: false });
    expect(shortfall).toBeUndefined();
  });

  it('gives text-only rows their share, excludes them, or lets them compete', async () => {
    const input = { ...labelled([1, 2, 3, 4, 5, 6, 0, 0, 0, 0], new Array(10).fill(0)) };
    input.textOnly = Uint8Array.from([0, 0, 0, 0, 0, 0, 1, 1, 1, 1]);
    const share = await run(input, '50%');
    expect([...share.kept].filter((row) => row >= 6)).toHaveLength(2);
    expect([...share.kept].filter((row) => row < 6)).toEqual([3, 4, 5]);
    expect(share.perCluster.find(({ label }) => label === 'text-only')).toMatchObject({
      cluster: -1,
      size: 4,
      kept: 2,
    });
    expect([...(await run(input, '50%', { textOnly: 'exclude' })).kept]).toEqual([1, 2, 3, 4, 5]);
    expect([...(await run(input, '80%', { textOnly: 'score' })).kept]).toEqual([0, 1, 2, 3, 4, 5]);
    // As published, they compete by default.
    const official = await run(input, '80%', { variant: 'official' });
    expect([...official.kept]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('clusters the instruction embedding, and says when there are fewer rows than clusters', async () => {
    const random = createRandom(3, 'test');
    const rows = 60;
    const embedding = Array.from(
      { length: rows * 4 },
      (_, i) => (Math.floor(i / 4) % 3 === i % 4 ? 5 : 0) + 0.1 * random.normal(),
    );
    const necessity = Array.from({ length: rows }, () => random.uniform() - 0.3);
    const input = { rows, columns: { necessity: f32(necessity), instruction: f32(embedding, 4) } };
    const context = { budget: 9, seed: 42 };
    const selection = await selectBy('visnec', input, { k: 3 }, context);
    expect(selection.perCluster.map(({ size }) => size)).toEqual([20, 20, 20]);
    expect(selection.perCluster.map(({ kept }) => kept)).toEqual([3, 3, 3]);
    expect(new Set([0, 3, 6].map((row) => selection.clusters![row])).size).toBe(1);
    expect((await selectBy('visnec', input, { k: 100 }, context)).notes.join()).toContain('60 clusters instead of 100');
  });

  it('says when the rows do not differ', async () => {
    const necessity = f32(new Array(30).fill(1));
    const instruction = f32(new Array(90).fill(0.5), 3);
    const { notes, kept } = await selectBy(
      'visnec',
      { rows: 30, columns: { necessity, instruction } },
      {},
      { budget: 9, seed: 1 },
    );
    expect(notes.join(' ')).toMatch(/1 clusters instead of 20: no more rows differ/);
    expect(kept).toHaveLength(9);
  });

  it('reverses when the losses are swapped', async () => {
    const random = createRandom(5, 'test');
    const s = Array.from({ length: 30 }, () => random.normal());
    const forth = await run(labelled(s, new Array(30).fill(0)), '30', { variant: 'official' });
    const back = await run(
      labelled(
        s.map((v) => -v),
        new Array(30).fill(0),
      ),
      '30',
      { variant: 'official' },
    );
    for (let row = 0; row < 30; row++) expect(forth.reasons[row]!.rank! + back.reasons[row]!.rank!).toBe(31);
  });

  describe('what variant official breaks, as published', () => {
    it('P2 and P5: each cluster gives at least one row, so that a budget of 0 or 1 is exceeded', async () => {
      const input = labelled([3, 2, 1], ['a', 'b', 'c']);
      expect([...(await run(input, '0', { variant: 'official' })).kept]).toEqual([0, 1, 2]);
      expect([...(await run(input, '1', { variant: 'official' })).kept]).toEqual([0, 1, 2]);
    });

    it('P2: each cluster rounds down, so that fewer than the budget come back', async () => {
      const selection = await run(labelled(new Array(20).fill(1), [...'aaaaaaaaaabbbbbbbbbb']), '19%', {
        variant: 'official',
      });
      expect(selection.requested).toBe(3);
      expect(selection.shortfall).toEqual({
        missing: 1,
        because: 'the share of each cluster is rounded down by itself',
      });
    });

    it('a cluster of rows that the image contradicts still fills its quota', async () => {
      const input = labelled([3, 2, -5, -6], [...'aabb']);
      expect([...(await run(input, '50%', { variant: 'official' })).kept]).toEqual([0, 2]);
      expect([...(await run(input, '50%')).kept]).toEqual([0, 1]);
    });
  });

  it('refuses options that do not go together', async () => {
    const input = labelled([1], [0]);
    await expect(run(input, '1', { variant: 'official', base: 'cluster' })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    });
    await expect(run(input, '1', { kk: 3 })).rejects.toThrow(/kk/);
    await expect(run(input, '1', { labels: 'nowhere' })).rejects.toMatchObject({ code: 'COLUMN_MISSING' });
  });
});
