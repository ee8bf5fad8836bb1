import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { planScore } from '../signals/engine/score-plan.ts';
import { openProject, type Project } from '../store/project.ts';
import { finishedRun } from '../store/runs.ts';
import { train } from './train.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const OPTIONS = { checkpoints: 2, batch: 4, microBatch: 2, learningRate: 1e-3 };
let folder = '';
let project: Project;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'winnow-train-'));
  mkdirSync(join(folder, 'images'));
  const rows = [];
  for (let i = 0; i < 10; i++) {
    const background = { r: 25 * i, g: 100, b: 255 - 25 * i };
    const image = sharp({ create: { width: 64, height: 64, channels: 3, background } });
    await image.png().toFile(join(folder, 'images', `${i}.png`));
    const [question, answer] = [`<image>\nWhat is picture ${i}?`, i % 2 === 0 ? 'It is red.' : 'A blue one.'];
    const conversations = [
      { from: 'human', value: question },
      { from: 'gpt', value: answer },
    ];
    rows.push({ id: `r${i}`, image: i === 8 ? 'gone.png' : `${i}.png`, conversations });
  }
  writeFileSync(join(folder, 'data.json'), JSON.stringify(rows));
  project = await openProject(folder, { create: true });
  await project.addDataset({ path: join(folder, 'data.json'), images: join(folder, 'images') });
});
afterAll(async () => {
  await project.close();
  rmSync(folder, { recursive: true, force: true });
});

it('says what it would do, and does nothing', async () => {
  const planned = await train(project, { options: OPTIONS, dryRun: true });
  expect(planned).toMatchObject({ samples: 10, steps: 3, checkpointSteps: [2, 3], stepsDone: 0 });
  expect(planned.time).toMatchObject({ basis: 'assumed', because: expect.stringMatching(/parameters/) });
  expect(existsSync(planned.folder)).toBe(false);
});

it('trains, and does what is finished only once', async () => {
  const notes: string[] = [];
  const done = await train(project, { options: OPTIONS, note: (text) => notes.push(text) });
  expect(done).toMatchObject({ stepsDone: 3, seed: 42 });
  expect(done.checkpoints.map(({ k, step, samples_seen }) => [k, step, samples_seen])).toEqual([
    [1, 2, 8],
    [2, 3, 10],
  ]);
  expect(notes.join()).toMatch(/r8.*gone\.png/);
  expect((await finishedRun(project, 'proxy')).checkpoints).toEqual(done.checkpoints);
  expect((await train(project, { options: OPTIONS, dryRun: true })).time).toMatchObject({ high: 0 });
  const again = await train(project, { options: OPTIONS, name: 'again', dryRun: true });
  expect(again.time).toMatchObject({ basis: 'measured', because: expect.stringMatching(/^measured: 12 rows/) });
  const state = readFileSync(join(done.folder, 'checkpoint-2', 'trainer_state.json'), 'utf8');
  // One step of warm-up at rate 0, then the peak of 1e-3.
  expect(JSON.parse(state)).toMatchObject({ k: 1, learning_rate: 1e-3, mean_learning_rate: 5e-4 });
  const order = readFileSync(join(done.folder, 'plan.jsonl'), 'utf8').trim().split('\n');
  expect(order.flatMap((line) => JSON.parse(line).micro.flat()).sort((a, b) => a - b)).toEqual([...Array(10).keys()]);
  expect(await train(project, { options: OPTIONS })).toMatchObject({ stepsDone: 0, checkpoints: done.checkpoints });
  const twin = await train(project, { options: OPTIONS, name: 'twin' });
  expect(twin.checkpoints).toEqual(done.checkpoints);
  // Its name stands for its last checkpoint, which only the worker opens.
  const { summary } = await planScore(project, { signal: 'loss', params: { model: 'proxy' } });
  expect(summary).toMatchObject({ model: 'proxy', rowsMissing: 10 });
});

it('says what to do about a loss that is no number', async () => {
  const wild = { name: 'wild', options: { ...OPTIONS, batch: 2, learningRate: 1e9 } };
  await expect(train(project, wild)).rejects.toMatchObject({
    code: 'LOSS_NOT_FINITE',
    hint: expect.stringContaining('--learning-rate'),
  });
});

it('keeps a run that was made from something else, unless it is told to', async () => {
  const other = { options: { ...OPTIONS, checkpoints: 3 } };
  await expect(train(project, other)).rejects.toMatchObject({ code: 'RUN_EXISTS' });
  expect((await finishedRun(project, 'proxy')).checkpoints).toHaveLength(2);
  expect((await train(project, { ...other, replace: true })).checkpoints).toHaveLength(3);
});

it.each([
  [{ options: { checkpoints: 9, batch: 4 } }, 'TOO_FEW_STEPS'],
  [{ options: { batch: 0 } }, 'OPTION_INVALID'],
  [{ options: { model: 'no-such-model' } }, 'MODEL_UNKNOWN'],
  [{ name: '../run' }, 'NAME_INVALID'],
  [{ selection: 'none' }, 'SELECTION_UNKNOWN'],
  [{ dataset: 'none' }, 'DATASET_UNKNOWN'],
])('refuses %j', async (request, code) => {
  await expect(train(project, { name: 'bad', ...request })).rejects.toMatchObject({ code });
});

it('names a run that is not there', async () => {
  await expect(finishedRun(project, 'none')).rejects.toMatchObject({ code: 'RUN_UNKNOWN' });
});
