import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { workerPython } from '../models/testing/fixtures.ts';
import { openProject, type Project } from '../store/project.ts';
import { readColumns } from '../store/shard-read.ts';
import { runScore } from './engine/score.ts';
import { planScore } from './engine/score-plan.ts';

/*
 * One model folder, read by both: ONNX graphs in this process, PyTorch weights in the worker. Tokens, templates, image
 * sizes and tiles are each side's own, so that a difference anywhere shows in the losses.
 */
const WORKER = fileURLToPath(new URL('../../worker', import.meta.url));
const MAKE = `
import sys
from pathlib import Path
sys.path.insert(0, "tests")
from tiny import make
from winnow_worker.export.vlm import export_vlm
folder = make(sys.argv[1], Path(sys.argv[2]))
export_vlm(folder, folder, "fp32", True)
`;
const python = workerPython();

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let folder = '';
let project: Project;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'winnow-both-'));
  mkdirSync(join(folder, 'images'));
  const sizes = [
    [64, 64],
    [96, 40],
    [33, 70],
  ] as const;
  for (const [i, [width, height]] of sizes.entries()) {
    const noise = Buffer.alloc(width * height * 3).map((_, at) => (at * (7 + i)) % 251);
    await sharp(noise, { raw: { width, height, channels: 3 } })
      .png()
      .toFile(join(folder, 'images', `${i}.png`));
  }
  const turn = (question: string, answer: string) => [
    { from: 'human', value: question },
    { from: 'gpt', value: answer },
  ];
  const rows = [
    { id: 'one', image: '0.png', conversations: turn('<image>\nWhat is it?', 'A red circle.') },
    { id: 'wide', image: '1.png', conversations: turn('<image>\nHow many squares are there?', 'two') },
    { id: 'tall', image: '2.png', conversations: turn('<image>\nIs it blue?', 'No, it is green, I think.') },
    {
      id: 'turns',
      image: '0.png',
      conversations: [...turn('<image>\nWhat is it?', 'A cat.'), ...turn('Why?', 'It has ears.')],
    },
    { id: 'text', conversations: turn('Say a word.', 'word') },
  ];
  writeFileSync(join(folder, 'data.json'), JSON.stringify(rows));
  project = await openProject(folder, { create: true });
  await project.addDataset({ path: join(folder, 'data.json'), images: join(folder, 'images') });
});
afterAll(async () => {
  await project.close();
  rmSync(folder, { recursive: true, force: true });
});

const COLUMNS = ['nll_mm', 'nll_blind_masked', 'nll_blind_drop', 'nll_blind_remove', 'necessity_masked'];

async function losses(model: string, by: 'process' | 'worker'): Promise<Record<string, number[]>> {
  const plan = await planScore(project, { signal: 'loss', params: { model, by, blind: ['masked', 'drop', 'remove'] } });
  const { quarantined } = await runScore(plan);
  expect(quarantined).toEqual([]);
  const { columns } = await readColumns(project, plan.shards, COLUMNS);
  return Object.fromEntries(COLUMNS.map((name) => [name, [...(columns[name] as { data: Float32Array }).data]]));
}

describe.skipIf(python === undefined).each(['llava', 'idefics3', 'smolvlm'])('%s', (family) => {
  it('has the same losses in process and in the worker', async () => {
    const model = join(folder, family);
    execFileSync(python!, ['-c', MAKE, family, model], { cwd: WORKER, env: { ...process.env, OMP_NUM_THREADS: '1' } });
    const here = await losses(model, 'process');
    const there = await losses(model, 'worker');
    for (const column of COLUMNS) {
      here[column]!.forEach((value, row) => {
        expect(Math.abs(value - there[column]![row]!), `${column} of row ${row}`).toBeLessThan(1e-4);
      });
    }
    expect(Math.max(...here.necessity_masked!.map(Math.abs))).toBeGreaterThan(0.01);
  });
});
