import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { importDataset, openProject, score, select, train } from '../src/index.ts';

/**
 * From raw data to what the methods that need gradients or a trained scorer pick: a proxy, its checkpoints, a target.
 */

vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 });

const COLOURS = ['red', 'green', 'blue', 'yellow'] as const;
const NUMBERS = ['one', 'two', 'three', 'four'] as const;
const HALF = 12;
const SMALL = { dims: 1024, projection: 'sketch' } as const;

let folder = '';
let project: Awaited<ReturnType<typeof openProject>>;

/** Even rows ask for a colour, odd ones for a number. */
const row = (i: number, source = i % 2 === 0 ? 'colour' : 'number') => ({
  id: `${source}-${i}`,
  source,
  image: `${i % 4}.png`,
  conversations: [
    { from: 'human', value: `<image>\n${i % 2 === 0 ? 'What colour is it?' : 'How many are there?'}` },
    { from: 'gpt', value: i % 2 === 0 ? `It is ${COLOURS[(i / 2) % 4]}.` : `There are ${NUMBERS[i % 4]} of them.` },
  ],
});

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'winnow-gradients-'));
  mkdirSync(join(folder, 'images'));
  for (const [i, background] of COLOURS.entries()) {
    const image = sharp({ create: { width: 64, height: 64, channels: 3, background } });
    await image.png().toFile(join(folder, 'images', `${i}.png`));
  }
  project = await openProject(folder, { create: true });
  const pool = Array.from({ length: 2 * HALF }, (_, i) => row(i));
  const target = [24, 26, 28, 30].map((i) => row(i, 'target'));
  for (const [name, rows] of Object.entries({ pool, target })) {
    const path = join(folder, `${name}.json`);
    writeFileSync(path, JSON.stringify(rows));
    await importDataset(project, { path, images: join(folder, 'images'), name });
  }
  const proxy = { checkpoints: 4, batch: 6, learningRate: 1e-3, optimizerState: true };
  await train(project, { options: proxy });
  await score(project, { signal: 'gradients', ...SMALL, checkpoints: ['proxy'], gradient: 'adam' });
  await score(project, { signal: 'gradients', ...SMALL, checkpoints: ['proxy'], dataset: 'target' });
  await score(project, { signal: 'last-gradient', ...SMALL, model: 'proxy' });
});
afterAll(async () => {
  await project?.close();
  rmSync(folder, { recursive: true, force: true });
});

const picked = (ids: readonly string[], what: string): number => ids.filter((id) => id.startsWith(what)).length;

it.each(['less', 'icons', 'datainf'] as const)('%s picks what is like the target', async (method) => {
  const { ids } = await select(project, { method, budget: HALF, reference: 'target' });
  expect(ids).toHaveLength(HALF);
  expect(picked(ids, 'colour')).toBeGreaterThanOrEqual(HALF - 1);
});

it('tive shares by the length of gradients', async () => {
  const { ids, perCluster } = await select(project, { method: 'tive', budget: 8 });
  expect(ids).toHaveLength(8);
  expect(perCluster.map(({ label }) => label).sort()).toEqual(['colour', 'number']);
});

it('refuses a target that was projected otherwise', async () => {
  await score(project, { signal: 'gradients', ...SMALL, seed: 1, checkpoints: ['proxy'], dataset: 'target' });
  await expect(select(project, { method: 'less', budget: 4, reference: 'target' })).rejects.toMatchObject({
    code: 'REFERENCE_DIFFERS',
    message: expect.stringContaining('(seed)'),
  });
});

it('trains scorers on embeddings and losses', async () => {
  await score(project, { signal: 'clip-embedding' });
  await score(project, { signal: 'loss' });
  for (const signal of ['self-filter', 'coido'] as const) {
    const { rowsComputed } = await score(project, { signal });
    expect(rowsComputed).toBe(2 * HALF);
    const { ids } = await select(project, { method: signal, budget: 6 });
    expect(new Set(ids).size).toBe(6);
  }
});
