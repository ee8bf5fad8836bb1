import { describe, expect, it } from 'vitest';
import { createRandom } from '../../numeric/philox.ts';
import type { SelectorInput } from '../selector.ts';
import { selectBy } from './find.ts';
import { instability, standardised, sumTop } from './shared/trajectories.ts';

const f32 = (values: number[], width = 1) => ({ kind: 'f32' as const, width, data: Float32Array.from(values) });
const i32 = (values: number[]) => ({ kind: 'i32' as const, width: 1 as const, data: Int32Array.from(values) });

/** Trajectories of two checkpoints with the instability given, in clusters given. */
function pool(unsteady: number[], clusters: number[]): SelectorInput {
  return {
    rows: unsteady.length,
    columns: {
      attention_sv: f32(
        unsteady.flatMap((value) => [0, value]),
        2,
      ),
      label: i32(clusters),
    },
  };
}

const LABELLED = { values: 1, labels: 'label' };

describe('trajectories', () => {
  it('sums the largest values of each checkpoint', () => {
    const column = { data: Float32Array.from([1, 2, 3, 9, 8, Number.NaN]), rows: 1, width: 6 };
    expect([...sumTop(column, 3, 2).data]).toEqual([5, Number.NaN]);
    expect(() => sumTop(column, 4, 2)).toThrow(/6 numbers a row/);
  });

  it('measures how far a trajectory goes, and its shape', () => {
    const data = Float32Array.from([10, 11, 10, 11, 50, 50, 50, 50, 1, Number.NaN, 1, 1]);
    expect([...instability({ data, rows: 3, width: 4 })]).toEqual([3, 0, Number.NaN]);
    const { data: shapes } = standardised({ data: data.subarray(0, 8), rows: 2, width: 4 });
    expect([...shapes]).toEqual([-1, 1, -1, 1, 0, 0, 0, 0]);
  });
});

describe('one checkpoint', () => {
  const input = { rows: 3, columns: { attention_sv: f32([1, 2, 3]), nll_trajectory: f32([1, 2, 3]) } };
  const context = { budget: 2, seed: 1 };

  it('is no trajectory, and that is said', async () => {
    const said = expect.arrayContaining([expect.stringContaining('one checkpoint')]);
    expect((await selectBy('xmas', input, { values: 1 }, context)).notes).toEqual(said);
    expect((await selectBy('s2l', input, {}, context)).notes).toEqual(said);
  });

  it('shows nothing of what training lowers', async () => {
    await expect(selectBy('learnability', input, {}, context)).rejects.toMatchObject({
      code: 'COLUMN_KIND',
      hint: expect.stringContaining('--checkpoints proxy'),
    });
  });
});

describe('xmas', () => {
  it('keeps the steadiest rows of each cluster in equal shares, and passes on what a small one lacks', async () => {
    const input = pool([5, 4, 3, 2, 1, 9, 8, 7, 6, 1], [0, 0, 0, 0, 0, 1, 1, 1, 2, 2]);
    const { kept, perCluster } = await selectBy('xmas', input, LABELLED, { budget: 7, seed: 1 });
    expect([...kept]).toEqual([9, 8, 7, 6, 4, 3, 2]);
    expect(perCluster.map(({ cluster, size, quota }) => [cluster, size, quota])).toEqual([
      [2, 2, 2],
      [1, 3, 2],
      [0, 5, 3],
    ]);
  });

  it('finds trajectories of one level and keeps the same whatever its order', async () => {
    const random = createRandom(3, 'test');
    const rows = 90;
    const values = Array.from({ length: rows }, (_, row) =>
      Array.from({ length: 7 }, () => 20 * (row % 3) + random.uniform()),
    ).flat();
    const { clusters } = await selectBy(
      'xmas',
      { rows, columns: { attention_sv: f32(values, 7) } },
      { values: 1, k: 3 },
      { budget: 30, seed: 1 },
    );
    expect([...clusters!]).toEqual(Array.from({ length: rows }, (_, row) => row % 3));
  });

  describe('official', () => {
    it('drops clusters of one or two rows, so that a full budget falls short (P2, P5)', async () => {
      const input = pool([1, 2, 3, 4, 5, 6], [0, 1, 1, 2, 2, 2]);
      const paper = await selectBy('xmas', input, LABELLED, { budget: 6, seed: 1 });
      expect(paper.kept).toHaveLength(6);
      const official = await selectBy('xmas', input, { ...LABELLED, variant: 'official' }, { budget: 6, seed: 1 });
      expect([...official.kept]).toEqual([3, 4, 5]);
      expect(official.shortfall).toMatchObject({ missing: 3 });
      expect(official.shortfall!.because).toContain('clusters of fewer than 3 rows');
      expect(official.reasons[0]!.code).toBe('small-cluster');
    });

    it('takes a missing value for 0 and may keep such a row in the end', async () => {
      const input = pool([1, Number.NaN, 3], [0, 0, 0]);
      const options = { ...LABELLED, variant: 'official' };
      expect([...(await selectBy('xmas', input, options, { budget: 3, seed: 1 })).kept]).toEqual([0, 2, 1]);
      const { kept, notes } = await selectBy('xmas', input, LABELLED, { budget: 3, seed: 1 });
      expect([...kept]).toEqual([0, 2]);
      expect(notes.join()).toContain('1 rows have no complete trajectory');
    });

    it('puts all rows without an image into one cluster, which gets an equal share and not theirs', async () => {
      const input = pool(
        new Array(40).fill(1),
        Array.from({ length: 40 }, (_, row) => (row < 20 ? row % 4 : 9)),
      );
      input.textOnly = Uint8Array.from({ length: 40 }, (_, row) => (row < 20 ? 0 : 1));
      const count = (rows: Int32Array) => rows.filter((row) => row >= 20).length;
      const official = await selectBy('xmas', input, { ...LABELLED, variant: 'official' }, { budget: 20, seed: 1 });
      expect(count(official.kept)).toBe(4);
      const paper = await selectBy('xmas', input, LABELLED, { budget: 20, seed: 1 });
      expect(count(paper.kept)).toBe(10);
    });
  });
});
