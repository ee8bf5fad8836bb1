import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { workerPython } from '../testing/fixtures.ts';
import { FAMILIES, readFixture, type VlmFixture, vlmFixtures } from '../testing/vlm-fixture.ts';
import { createFeatureStore } from './features.ts';
import { openRuntime, type RuntimeOptions } from './runtime.ts';
import { type RowLosses, type ScoreOptions, scoreRows } from './score.ts';

const python = workerPython();
const BLIND = ['masked', 'drop', 'remove'] as const;

async function score(
  fixture: VlmFixture,
  runtimeOptions: RuntimeOptions = {},
  options: Partial<ScoreOptions> = {},
): Promise<RowLosses[]> {
  const runtime = await openRuntime(fixture.folder, { workers: 2, ...runtimeOptions });
  try {
    const store = createFeatureStore(runtime);
    for (const [i, image] of fixture.images.entries()) await store.push(i, image);
    expect([...(await store.settle())]).toEqual([]);
    return await scoreRows(runtime, fixture.rows, store, { blind: BLIND, ...options });
  } finally {
    await runtime.pool.close();
  }
}

/** Largest difference between losses of tokens in any pass of any row. */
function apart(got: RowLosses[], want: (row: number, pass: string) => ArrayLike<number>, passes: string[]): number {
  let most = 0;
  for (const [r, result] of got.entries()) {
    if (result instanceof Error) throw result;
    for (const pass of passes) {
      const losses = result.get(pass as 'masked')!;
      const expected = want(r, pass);
      expect(losses.length).toBe(expected.length);
      for (let i = 0; i < losses.length; i++) most = Math.max(most, Math.abs(losses[i]! - expected[i]!));
    }
  }
  return most;
}

function mean(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

describe.skipIf(python === undefined)('losses equal those of transformers', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await vlmFixtures(python!);
  }, 600_000);

  describe.each(FAMILIES)('%s', (family) => {
    test.each([false, true])('in every pass, with standard graphs: %s', async (standard) => {
      const fixture = readFixture(join(folder, family));
      const got = await score(fixture, { standard });
      const passes = ['multimodal', ...BLIND];
      expect(apart(got, (r, pass) => fixture.losses[r]![pass as 'masked'], passes)).toBeLessThan(1e-4);
      // The fixture must be able to tell passes apart.
      const differ = fixture.losses.filter(({ masked, multimodal }) => Math.abs(masked[0]! - multimodal[0]!) > 0.05);
      expect(differ.length).toBeGreaterThan(fixture.rows.length / 3);
    });

    test('the masked pass equals the naive one to 1e-5', async () => {
      const fixture = readFixture(join(folder, family));
      const quick = await score(fixture);
      const naive = await score(fixture, { standard: true }, { naive: true });
      for (const [r, result] of quick.entries()) {
        const fast = mean((result as Map<string, Float32Array>).get('masked')!);
        expect(Math.abs(fast - mean((naive[r] as Map<string, Float32Array>).get('masked')!))).toBeLessThan(1e-5);
      }
    });
  });

  test('text-only rows have the same losses in every pass, bit for bit', async () => {
    const fixture = readFixture(join(folder, 'llava-llama'));
    const got = await score(fixture);
    const textOnly = fixture.rows.flatMap(({ images }, r) =>
      images.length === 0 ? [got[r] as Map<string, unknown>] : [],
    );
    expect(textOnly.length).toBeGreaterThan(2);
    for (const losses of textOnly) for (const pass of BLIND) expect(losses.get(pass)).toEqual(losses.get('multimodal'));
  });

  test('the same rows give the same bytes, whatever the number of threads', async () => {
    const fixture = readFixture(join(folder, 'llava-llama'));
    const once = await score(fixture, { workers: 1 });
    expect(await score(fixture, { workers: 2 })).toEqual(once);
  });

  test('batches of any size give the same losses to 1e-5', async () => {
    const fixture = readFixture(join(folder, 'idefics3'));
    const large = await score(fixture);
    const small = await score(fixture, {}, { plan: { maxTokens: 1, maxQueries: 1 } });
    const of = (r: number, pass: string) => (large[r] as Map<string, Float32Array>).get(pass)!;
    expect(apart(small, of, ['multimodal', ...BLIND])).toBeLessThan(2e-5);
  });

  test('a token id outside of the vocabulary fails its row and no other', async () => {
    const fixture = readFixture(join(folder, 'llava-llama'));
    const rows = fixture.rows.map((row, r) => {
      if (r !== 4) return row;
      const ids = Int32Array.from(row.conversation.ids);
      ids[1] = 5000;
      return { ...row, conversation: { ...row.conversation, ids } };
    });
    const got = await score({ ...fixture, rows });
    expect(got[4]).toBeInstanceOf(Error);
    expect(got.filter((result) => result instanceof Error).length).toBe(1);
  });

  test('aborting stops', async () => {
    const fixture = readFixture(join(folder, 'llava-llama'));
    await expect(score(fixture, {}, { signal: AbortSignal.abort() })).rejects.toThrow();
  });
});
