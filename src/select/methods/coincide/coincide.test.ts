import { describe, expect, it } from 'vitest';
import { openProducts } from '../../../numeric/linalg/gemm.ts';
import { gatherRows, unitRows } from '../../../numeric/linalg/matrix.ts';
import { createRandom } from '../../../numeric/philox.ts';
import type { SelectorInput } from '../../selector.ts';
import { selectBy } from '../find.ts';
import { gaussianKernel, greedyMmd } from './mmd.ts';

/** Rows of 4 numbers (one layer: vision 2, language 2) around a direction for each label. */
function pool(sizes: number[], spread: number[]): SelectorInput {
  const random = createRandom(5, 'test/coincide');
  const label = sizes.flatMap((size, c) => new Array<number>(size).fill(c));
  const data = label.flatMap((c) => [0, 1, 2, 3].map((t) => (t === c ? 1.5 : 0.5) + spread[c]! * random.normal()));
  return {
    rows: label.length,
    columns: {
      coincide: { kind: 'f32', width: 4, data: Float32Array.from(data) },
      label: { kind: 'i32', width: 1, data: Int32Array.from(label) },
    },
  };
}

const options = { labels: 'label', layers: 1 };

describe('coincide', () => {
  it('takes more from a diverse cluster than from a dense one of the same size', async () => {
    const input = pool([30, 30], [0.02, 0.6]);
    const { perCluster, kept } = await selectBy('coincide', input, { ...options, sigma: 0.3 }, { budget: 20, seed: 1 });
    const of = (cluster: number) => perCluster.find((counts) => counts.cluster === cluster)!.kept;
    expect(kept).toHaveLength(20);
    expect(of(1)).toBeGreaterThan(of(0));
  });

  it('meets the budget where the published rule falls short, and says so (P2)', async () => {
    const input = pool([2, 2, 40], [0.01, 0.01, 0.3]);
    const even = { ...options, temperature: 10 };
    const context = { budget: 30, seed: 1 };
    expect((await selectBy('coincide', input, even, context)).kept).toHaveLength(30);
    const official = await selectBy('coincide', input, { ...even, variant: 'official' }, context);
    expect(official.kept.length).toBeLessThan(30);
    expect(official.shortfall!.missing).toBe(30 - official.kept.length);
    expect(official.shortfall!.because).toContain('passes nothing on');
  });

  it('takes missing values for 0 and keeps such rows, in the official variant alone (P8)', async () => {
    const input = pool([6, 6], [0.2, 0.2]);
    (input.columns.coincide!.data as Float32Array)[1] = Number.NaN;
    const context = { budget: 12, seed: 1 };
    expect((await selectBy('coincide', input, { ...options, variant: 'official' }, context)).kept).toContain(0);
    const paper = await selectBy('coincide', input, options, context);
    expect(paper.kept).not.toContain(0);
    expect(paper.reasons[0]!.code).toBe('no-cluster');
  });

  it('does depend on the scale of its scores, through the temperature (P7 does not hold)', async () => {
    const input = pool([30, 30, 30], [0.05, 0.3, 0.6]);
    const counts = async (temperature: number) => {
      const { perCluster } = await selectBy('coincide', input, { ...options, temperature }, { budget: 30, seed: 1 });
      return perCluster.map(({ cluster, kept }) => [cluster, kept]).sort();
    };
    expect(await counts(0.05)).not.toEqual(await counts(5));
  });

  it('refuses layers that the feature does not have, and a clustering that has collapsed', async () => {
    const input = pool([6, 6], [0.2, 0.2]);
    const context = { budget: 3, seed: 1 };
    const wrong = { ...options, layers: 3, variant: 'official' };
    await expect(selectBy('coincide', input, wrong, context)).rejects.toMatchObject({ code: 'COLUMN_KIND' });
    const rows = 400;
    const random = createRandom(1, 'test/collapse');
    const data = Float32Array.from({ length: 4 * rows }, () => 1 + 1e-4 * random.normal());
    const same: SelectorInput = { rows, columns: { coincide: { kind: 'f32', width: 4, data } } };
    await expect(selectBy('coincide', same, { k: 12 }, context)).rejects.toMatchObject({ code: 'CLUSTERS_COLLAPSED' });
  });
});

describe('greedyMmd', () => {
  it('is a prefix of itself, and alternates between twins', async () => {
    const products = await openProducts();
    const random = createRandom(2, 'test/mmd');
    const half = Array.from({ length: 24 * 8 }, () => random.normal());
    const points = unitRows({ data: Float32Array.from([...half, ...half]), rows: 48, width: 8 });
    const kernel = await gaussianKernel(points, 1, products);
    const long = await greedyMmd(kernel, 48);
    const short = await greedyMmd(kernel, 10);
    expect([...long.picked.subarray(0, 10)]).toEqual([...short.picked]);
    expect(new Set([...long.picked.subarray(0, 24)].map((row) => row % 24)).size).toBe(24);
    expect(long.mmd2.at(-1)).toBeCloseTo(0, 10);
    await products.release();
  });

  it('gives the same kernel from products and from differences', async () => {
    const products = await openProducts();
    const random = createRandom(3, 'test/mmd');
    const rows = 300;
    const width = 64;
    const points = unitRows({ data: Float32Array.from({ length: rows * width }, () => random.normal()), rows, width });
    const large = await gaussianKernel(points, 1, products);
    const few = await gaussianKernel(gatherRows(points, [7, 9]), 1, products);
    expect((await large.row(7))[9]).toBeCloseTo((await few.row(0))[1]!, 6);
    await products.release();
  });
});
