import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { openProject } from '../store/project.ts';
import { readColumns } from '../store/shard-read.ts';
import { runScore } from './engine/score.ts';
import { planScore } from './engine/score-plan.ts';

vi.setConfig({ testTimeout: 240_000 });
const folder = mkdtempSync(join(tmpdir(), 'winnow-encoders-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('an encoder gives in the worker what it gives in process, to 1e-3', async () => {
  const rows = ['0514', '0522', 'gone', undefined].map((image, i) => ({
    id: `s${i}`,
    image: image === undefined ? undefined : `images/${image}.png`,
    conversations: [
      { from: 'human', value: `${image === undefined ? '' : '<image>\n'}Which  part\nof the image shows the circle?` },
      { from: 'gpt', value: 'bottom left' },
    ],
  }));
  writeFileSync(join(folder, 'data.json'), JSON.stringify(rows));
  const project = await openProject(folder, { create: true });
  await project.addDataset({ path: join(folder, 'data.json'), images: resolve('examples/shapes'), format: 'llava' });
  const measured = async (by: string) => {
    const plan = await planScore(project, { signal: 'clip-embedding', params: { by }, offline: true });
    const { quarantined } = await runScore(plan);
    expect(quarantined.map(({ row }) => row)).toEqual([2]);
    const { columns } = await readColumns(project, plan.shards, ['clip_image', 'clip_text']);
    return ['clip_image', 'clip_text'].flatMap((name) => [...(columns[name] as { data: Float32Array }).data]);
  };
  const [process, worker] = [await measured('process'), await measured('worker')];
  expect(worker).toHaveLength(process.length);
  const distance = worker.map((x, i) =>
    Number.isNaN(process[i]!) === Number.isNaN(x) ? Math.abs(x - process[i]!) : 1,
  );
  expect(Math.max(...distance.filter((d) => !Number.isNaN(d)))).toBeLessThan(1e-3);
  expect(distance.filter((d) => Number.isNaN(d)).length).toBe(process.length / 2);
  await expect(
    planScore(project, { signal: 'text-embedding', params: { by: 'worker' }, offline: true }).then(runScore),
  ).rejects.toMatchObject({ code: 'OPTION_INVALID' });
  await project.close();
});
