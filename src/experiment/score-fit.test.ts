import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openProject, type Project } from '../store/project.ts';
import { findRun, tunedIds } from '../store/runs.ts';
import { scoreFit } from './score-fit.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const ROWS = 44;
let folder = '';
let project: Project;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'winnow-fit-'));
  mkdirSync(join(folder, 'images'));
  const rows = [];
  for (let i = 0; i < ROWS; i++) {
    const background = { r: 5 * i, g: 100, b: 255 - 5 * i };
    const picture = sharp({ create: { width: 64, height: 64, channels: 3, background } });
    await picture.png().toFile(join(folder, 'images', `${i}.png`));
    const conversations = [
      { from: 'human', value: `<image>\nWhich colour, ${i}?` },
      { from: 'gpt', value: i % 2 === 0 ? 'red' : 'blue' },
    ];
    rows.push({ id: `r${i}`, image: `${i}.png`, conversations });
  }
  writeFileSync(join(folder, 'data.json'), JSON.stringify(rows));
  project = await openProject(folder, { create: true });
  await project.addDataset({ path: join(folder, 'data.json'), images: join(folder, 'images') });
});
afterAll(async () => {
  await project.close();
  rmSync(folder, { recursive: true, force: true });
});

it('tunes on a random part, notes its rows, and judges the model by the others', async () => {
  const request = { fitRows: '25%', fitEpochs: 1, fitSeed: 7 };
  const dry = await scoreFit(project, { ...request, dryRun: true });
  expect(dry.tuning).toMatchObject({ run: 'fit-data', model: 'micro-vlm', rows: 11, batch: 16, steps: 1 });
  expect(dry.tuning.time).toMatchObject({ basis: 'assumed' });
  expect(await findRun(project, 'fit-data')).toBeUndefined();

  const first = await scoreFit(project, request);
  const run = (await findRun(project, 'fit-data'))!;
  expect(new Set(await tunedIds(run)).size).toBe(11);
  expect(first).toMatchObject({ rows: ROWS, rowsComputed: ROWS, tuning: { stepsDone: 1 } });
  expect(first).toMatchObject({ fit: { model: 'fit-data', n: ROWS - 11, tunedOn: 11, heldApart: true } });

  // The same again does nothing.
  expect(await scoreFit(project, request)).toMatchObject({ rowsComputed: 0, tuning: { stepsDone: 0 } });
});

it('refuses what cannot be tuned', async () => {
  const server = { params: { server: 'http://127.0.0.1:1' } };
  await expect(scoreFit(project, server)).rejects.toMatchObject({ code: 'OPTION_INVALID' });
  await expect(scoreFit(project, { params: { by: 'process' } })).rejects.toMatchObject({ code: 'OPTION_INVALID' });
  await expect(scoreFit(project, { fitRows: '5%' })).rejects.toMatchObject({ code: 'FIT_TOO_FEW_ROWS' });
});
