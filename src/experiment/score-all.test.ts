import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Column } from '../numeric/columns.ts';
import { commandFor } from '../signals/engine/column-providers.ts';
import { runScore } from '../signals/engine/score.ts';
import { planScore } from '../signals/engine/score-plan.ts';
import type { ScoreSummary } from '../signals/signal.ts';
import { openProject, type Project } from '../store/project.ts';
import { readColumns } from '../store/shard-read.ts';
import { findPython } from '../worker/python.ts';
import { scoreAll } from './score-all.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 60_000 });

let folder = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'winnow-all-'));
  mkdirSync(join(folder, 'images'));
  const rows = Array.from({ length: 6 }, (_, i) => ({
    id: `r${i}`,
    image: i === 4 ? undefined : i === 5 ? 'gone.png' : `${i}.png`,
    conversations: [
      { from: 'human', value: `${i === 4 ? '' : '<image>\n'}What colour is shape ${i}?` },
      { from: 'gpt', value: i % 2 === 0 ? 'It is red.' : 'A blue one, I think.' },
    ],
  }));
  for (let i = 0; i < 4; i++) {
    const image = sharp({ create: { width: 64, height: 64, channels: 3, background: { r: 60 * i, g: 90, b: 200 } } });
    await image.png().toFile(join(folder, 'images', `${i}.png`));
  }
  writeFileSync(join(folder, 'data.json'), JSON.stringify(rows));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function fresh(name: string, note?: (text: string) => void): Promise<Project> {
  const project = await openProject(join(folder, name), { create: true, note });
  await project.addDataset({ path: join(folder, 'data.json'), images: join(folder, 'images') });
  return project;
}

const values = (column: Column | undefined): number[] => [...(column as { data: Float32Array }).data];

it('shares the passes of the worker, and measures what each signal measures by itself', async () => {
  const project = await fresh('together');
  const said: string[] = [];
  const names = ['error-norm', 'attention', 'hidden'];
  const { signals } = await scoreAll(project, { signals: names, progress: (what) => said.push(what) });
  expect(signals.map((one) => [one.signal, 'rowsComputed' in one && one.rowsComputed])).toEqual(
    names.map((name) => [name, 6]),
  );
  expect([...new Set(said)]).toEqual(['error-norm, attention, hidden of data']);
  const alone = await fresh('alone');
  for (const [signal, column] of [
    ['error-norm', 'el2n'],
    ['attention', 'attention_sv'],
    ['hidden', 'hidden'],
  ] as const) {
    const own = await planScore(alone, { signal });
    await runScore(own);
    const shared = await planScore(project, { signal });
    expect(shared.summary.rowsMissing).toBe(0);
    const one = values((await readColumns(project, shared.shards, [column])).columns[column]);
    const other = values((await readColumns(alone, own.shards, [column])).columns[column]);
    one.forEach((value, i) => {
      if (Number.isNaN(other[i])) expect(value).toBeNaN();
      else expect(Math.abs(value - other[i]!), `${column}[${i}]`).toBeLessThan(1e-4);
    });
  }
  const again = await scoreAll(project, { signals: names });
  expect(again.signals.map((one) => 'rowsComputed' in one && one.rowsComputed)).toEqual([0, 0, 0]);
  await project.close();
  await alone.close();
});

it('hands on what the worker warns of', async () => {
  const said: string[] = [];
  const project = await fresh('warned', (text) => said.push(text));
  const warning = JSON.stringify({
    t: 'warn',
    code: 'BATCH_HALVED',
    msg: 'out of memory: the batch is 8 from here on',
  });
  const python = join(folder, 'python.sh');
  writeFileSync(python, `#!/bin/sh\necho '${warning}'\nexec '${findPython().python}' "$@"\n`, { mode: 0o755 });
  vi.stubEnv('WINNOW_PYTHON', python);
  await scoreAll(project, { signals: ['rds'] });
  vi.unstubAllEnvs();
  expect(said).toContain('out of memory: the batch is 8 from here on');
  await project.close();
});

it('leaves a scorer out that has nothing to be trained on', async () => {
  const project = await openProject(join(folder, 'texts'), { create: true });
  const texts = [0, 1, 2].map((i) => ({
    id: `t${i}`,
    conversations: [
      { from: 'human', value: `Say ${i}.` },
      { from: 'gpt', value: `${i}` },
    ],
  }));
  writeFileSync(join(folder, 'texts.json'), JSON.stringify(texts));
  await project.addDataset({ path: join(folder, 'texts.json') });
  const { signals, left } = await scoreAll(project, { for: 'self-filter' });
  expect(signals.map(({ signal }) => signal)).toEqual(['loss', 'clip-embedding']);
  expect(left).toEqual([{ signal: 'self-filter', because: expect.stringContaining('features') }]);
  await project.close();
});

it('knows what methods read, and does nothing on a dry run', async () => {
  const project = await fresh('plan');
  const { signals, elsewhere, time } = await scoreAll(project, { for: 'ifd,el2n,visnec,mmssr', dryRun: true });
  expect(time).toMatchObject({ basis: 'assumed' });
  expect(time!.high).toBeGreaterThan(Math.max(...signals.map((one) => (one as ScoreSummary).time!.high)));
  expect(signals.map(({ signal }) => signal)).toEqual(['loss', 'text-embedding', 'error-norm']);
  expect(signals[0]!.params).toMatchObject({ direct: true });
  expect(signals.every((one) => one.rowsMissing === 6)).toBe(true);
  expect(elsewhere.map(({ column, methods }) => [column, methods])).toEqual([
    ['capabilities', ['mmssr']],
    ['styles', ['mmssr']],
  ]);
  // One place is no trajectory, unless it is asked for by name.
  const along = await scoreAll(project, { for: 's2l,el2n', dryRun: true });
  expect(along.signals.map(({ signal }) => signal)).toEqual(['error-norm']);
  expect(along.left).toEqual([{ signal: 'loss-trajectory', because: expect.stringContaining('winnow train') }]);
  const named = await scoreAll(project, { signals: ['loss-trajectory'], dryRun: true });
  expect([named.signals.length, named.left]).toEqual([1, []]);
  // EL2N is of a tuned proxy, losses are of the model.
  const proxied = await scoreAll(project, { for: 'el2n,visnec', checkpoints: ['nowhere'], dryRun: true });
  expect(proxied.signals.map(({ signal }) => signal)).toEqual(['loss', 'text-embedding']);
  expect(proxied.left).toEqual([{ signal: 'error-norm', because: 'There is no training run "nowhere".' }]);
  // Its columns are measured by this very run.
  const made = await scoreAll(project, { for: 'self-filter', dryRun: true });
  expect([made.after, made.left]).toEqual([[expect.objectContaining({ signal: 'self-filter', dataset: 'data' })], []]);
  await expect(scoreAll(project, { for: 'no-method' })).rejects.toMatchObject({ code: 'METHOD_UNKNOWN' });
  await expect(scoreAll(project, { signals: ['no-signal'] })).rejects.toMatchObject({ code: 'SIGNAL_UNKNOWN' });
  await project.close();
});

it('says the command with the options that make a column', () => {
  expect(commandFor('nll_direct')).toBe('winnow score loss --direct');
  expect(commandFor('nll_image_only')).toBe('winnow score loss --image-only');
  expect(commandFor('necessity_drop')).toBe('winnow score loss --blind drop');
  expect(commandFor('response')).toBe('winnow score text-embedding --text response');
});
