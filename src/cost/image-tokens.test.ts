import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openProject } from '../store/project.ts';
import { planShards } from '../store/shard-plan.ts';
import { writeShard } from '../store/shards.ts';
import { recordSignal } from '../store/signals.ts';
import { parseCostOptions } from './gpu-hours.ts';
import { imageRule } from './image-tokens.ts';
import { rowTokens } from './row-tokens.ts';

let folder = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'winnow-image-tokens-'));
  const turned = sharp({ create: { width: 480, height: 640, channels: 3, background: 'red' } });
  await turned.withMetadata({ orientation: 6 }).jpeg().toFile(join(folder, 'turned.jpg'));
  await sharp({ create: { width: 28, height: 28, channels: 3, background: 'red' } })
    .png()
    .toFile(join(folder, 'small.png'));
  const rows = ['turned.jpg', 'small.png', undefined, 'gone.png'].map((image, i) => ({
    id: `r${i}`,
    image,
    conversations: [
      { from: 'human', value: `${image === undefined ? '' : '<image>\n'}What?` },
      { from: 'gpt', value: 'That.' },
    ],
  }));
  writeFileSync(join(folder, 'data.json'), JSON.stringify(rows));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('counts images by their size as shown, and says which it could not', async () => {
  await using project = await openProject(join(folder, 'project'), { create: true });
  await project.addDataset({ path: join(folder, 'data.json'), images: folder });
  const dataset = await project.dataset();
  const count = (imageTokens?: string) =>
    rowTokens(project, dataset, parseCostOptions({ imageTokens }), new Map<number, string>());
  const text = 3;
  const qwen = await count('qwen2-vl');
  expect([...qwen.tokens]).toEqual([text + 391 + 2, text + 4 + 2, text, text]);
  expect(qwen.about).toContain('images as qwen2-vl counts them (1 could not be read');
  expect([...(await count('100')).tokens]).toEqual([text + 100, text + 100, text, text + 100]);
  expect((await count()).about).toContain('576 an image');

  const plan = await planShards(project, dataset, {
    ...{ signal: 'loss', version: 1, revision: 'x', params: { blind: ['masked'] } },
    columns: [{ name: 'nll_mm', kind: 'f32', measures: 'test' }],
  });
  const column = { kind: 'f32', width: 1, data: new Float32Array(4) } as const;
  for (const shard of plan.shards)
    await writeShard(project, plan, shard, { start: 0, rows: 4, columns: { nll_mm: column } }, []);
  await recordSignal(project, plan, { model: 'Qwen/Qwen3-VL-4B-Instruct' });
  expect(await imageRule(project, dataset, undefined)).toBe('qwen3-vl');
  expect([...(await count()).tokens].slice(0, 2)).toEqual([text + 300 + 2, text + 64 + 2]);
});
