import { createHash } from 'node:crypto';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openProject, type Project } from '../store/project.ts';
import { readMeta } from '../store/shard-file.ts';
import { readColumns } from '../store/shard-read.ts';
import { runScore } from './engine/score.ts';
import { planScore } from './engine/score-plan.ts';
import { signals } from './measured/registry.ts';
import type { ScorePlan, Signal, SignalContext } from './signal.ts';

/**
 * One suite for every signal of the registry, on eight rows made here: 0 to 3 have good images (0 and 1 the same one),
 * 4 none, 5 a file that is no image, 6 no file at all, and 7 is no conversation.
 */
const [TEXT_ONLY, BROKEN, GONE, BAD_ROW] = [4, 5, 6, 7];
const IMAGES = ['a.png', 'a.png', 'b.png', 'c.png', undefined, 'broken.png', 'gone.png', 'a.png'];
/** What each signal is tried with beside its defaults. */
const OPTIONS: Record<string, Record<string, unknown>> = {
  loss: { blind: ['masked', 'drop', 'remove'], perToken: true },
  dino: { encoder: 'micro-clip' },
  gradients: { dims: 96, rank: 4 },
  'last-gradient': { dims: 100, projection: 'normal', parameters: 'weights' },
  'self-filter': { features: ['image', 'instruction'] },
  coido: { features: ['image', 'instruction', 'clip_score'], share: 0.5, clusters: 2 },
};

/** What a signal is made from, measured before it. */
const BEFORE: Record<string, readonly string[]> = {
  'self-filter': ['image-embedding', 'text-embedding', 'loss'],
  coido: ['image-embedding', 'text-embedding', 'clip-score', 'loss'],
};

/** Fitted on the whole data set, so that every change of it makes all shards anew. */
const FITTED = new Set(['text-embedding', 'self-filter', 'coido']);

/** Measured of the text too, with an image or without one. */
const OF_THE_TEXT = new Set([
  'loss',
  'loss-trajectory',
  'error-norm',
  'hidden',
  'rds',
  'datatailor',
  'gradients',
  'last-gradient',
]);

/**
 * Measured by the same job as `attention` (or `gradients`), on which it is tested how shards are kept: of these only
 * the numbers are their own.
 */
const LIKE_ANOTHER = new Set([
  'error-norm',
  'last-gradient',
  'loss-trajectory',
  'hidden',
  'rds',
  'coincide',
  'visual',
  'scalselect',
  'magic',
  'datatailor',
  'dics',
  'cvs',
]);

// Models are opened a dozen times; a busy machine takes its time.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let folder = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'winnow-signals-'));
  mkdirSync(join(folder, 'images'));
  for (const [i, name] of ['a', 'b', 'c'].entries()) await picture(`${name}.png`, 64 + 16 * i, 60 * i);
  writeFileSync(join(folder, 'images', 'broken.png'), 'not a picture');
  writeFileSync(join(folder, 'data.jsonl'), IMAGES.map((image, row) => line(row, image)).join(''));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function picture(name: string, size: number, red: number): Promise<void> {
  const noise = Buffer.alloc(size * size * 3, 0).map((_, i) => (i % 3 === 0 ? red : (i * 7919) % 251));
  const png = await sharp(noise, { raw: { width: size, height: size, channels: 3 } })
    .png()
    .toBuffer();
  writeFileSync(join(folder, 'images', name), png);
}

function line(row: number, image: string | undefined): string {
  const conversations = [
    { from: 'human', value: `${image === undefined ? '' : '<image>\n'}What colour is shape ${row}?` },
    { from: 'gpt', value: row % 2 === 0 ? 'It is red.' : 'It is a blue circle.' },
  ];
  const record = { id: `s${row}`, image, conversations };
  return `${JSON.stringify(row === BAD_ROW ? { ...record, conversations: 'none' } : record)}\n`;
}

/** A project of its own over a copy of the data that keeps the times of the files. */
async function fresh(name: string): Promise<{ project: Project; data: string }> {
  const at = join(folder, name);
  cpSync(join(folder, 'images'), join(at, 'images'), { recursive: true, preserveTimestamps: true });
  cpSync(join(folder, 'data.jsonl'), join(at, 'data.jsonl'));
  const project = await openProject(at, { create: true });
  await project.addDataset({ path: join(at, 'data.jsonl'), images: join(at, 'images'), format: 'llava' });
  return { project, data: at };
}

async function plan(project: Project, signal: Signal): Promise<ScorePlan> {
  for (const name of BEFORE[signal.name] ?? [])
    await runScore(await planScore(project, { signal: name, offline: true }));
  return planScore(project, { signal: signal.name, params: OPTIONS[signal.name] ?? {}, offline: true });
}

/** Names and contents of a signal's shards. */
function shards(project: Project, signal: Signal): Record<string, string> {
  const at = join(project.paths.signals, signal.name);
  const hash = (file: string) =>
    createHash('sha256')
      .update(readFileSync(join(at, file)))
      .digest('hex');
  return Object.fromEntries(readdirSync(at).map((file) => [file, hash(file)]));
}

/** The suite keeps the shards of one signal of the worker; `npm run test:long` those of all, which takes minutes. */
const isLeftOut = (signal: Signal): boolean =>
  LIKE_ANOTHER.has(signal.name) ||
  (process.env.WINNOW_LONG !== '1' && signal.name !== 'attention' && signal.by.every((by) => by === 'worker'));

describe.each(signals.map((signal) => [signal.name, signal] as const))('signal %s', (name, signal) => {
  let project: Project;
  let data = '';
  let first: ScorePlan;
  beforeAll(async () => {
    ({ project, data } = await fresh(name));
    first = await plan(project, signal);
    await runScore(first);
  });
  afterAll(() => project.close());

  it('computes the columns that it declares, and stores them', async () => {
    const params = first.params;
    const declared = signal.columns(params).map(({ name: column, kind, measures }) => ({ column, kind, measures }));
    for (const { measures } of declared) expect(measures.length).toBeGreaterThan(5);
    const context: SignalContext = { dataset: await project.dataset(), offline: true };
    const run = await signal.open?.(params, context);
    const block = await run?.compute({ start: 0, samples: await context.dataset.get([0, 1, 2]) });
    await run?.close();
    if (block !== undefined) {
      expect(Object.keys(block.columns).sort()).toEqual(declared.map(({ column }) => column).sort());
    }
    const duck = await project.duck();
    const meta = await duck.alone((connection) => readMeta(connection, first.shards.shards[0]!.path));
    expect(meta.columns.map(({ name: column, kind, measures }) => ({ column, kind, measures }))).toEqual(declared);
  });

  it.skipIf(isLeftOut(signal))('writes the same bytes in another project, and nothing when run again', async () => {
    const before = shards(project, signal);
    const again = await runScore(await plan(project, signal));
    expect(again.rowsComputed).toBe(0);
    expect(shards(project, signal)).toEqual(before);
    const other = await fresh(`${name}-again`);
    await runScore(await plan(other.project, signal));
    expect(shards(other.project, signal)).toEqual(before);
    await other.project.close();
  });

  it('quarantines what it cannot measure, and nothing else', async () => {
    const { quarantined } = await runScore(await plan(project, signal));
    const bad = signal.readsMedia ? [BROKEN, GONE, BAD_ROW] : [BAD_ROW];
    expect(quarantined.map(({ row }) => row)).toEqual(bad);
    for (const { id, row, reason, code } of quarantined) {
      expect(id).toBe(`s${row}`);
      expect(code).toMatch(/^[A-Z_]+$/);
      expect(reason.length).toBeGreaterThan(10);
    }
    const names = signal
      .columns(first.params)
      .filter(({ kind }) => kind === 'f32' || kind === 'f16')
      .map((column) => column.name);
    const { columns } = await readColumns(project, first.shards, names);
    for (const column of names) {
      const values = columns[column]!;
      if (values.kind !== 'f32') throw new Error(`${column} is ${values.kind}`);
      const at = (row: number) => [...values.data.subarray(row * values.width, (row + 1) * values.width)];
      for (const row of bad) expect(at(row).every(Number.isNaN), `${column} of row ${row}`).toBe(true);
      for (const row of [0, 1, 2, 3]) expect(at(row).every(Number.isFinite), `${column} of row ${row}`).toBe(true);
      const sees = signal.readsMedia && !OF_THE_TEXT.has(signal.name);
      expect(at(TEXT_ONLY).every(sees ? Number.isNaN : Number.isFinite), `${column} without an image`).toBe(true);
    }
  });

  it.skipIf(isLeftOut(signal))(
    'keeps finished shards when rows are appended, and computes only a shard that is gone',
    async () => {
      const before = shards(project, signal);
      appendFileSync(join(data, 'data.jsonl'), line(8, 'b.png') + line(9, 'c.png'));
      await project.addDataset({ path: join(data, 'data.jsonl'), images: join(data, 'images'), format: 'llava' });
      const longer = await plan(project, signal);
      const isKept = longer.summary.revision === first.summary.revision;
      expect(isKept).toBe(!FITTED.has(signal.name));
      expect(longer.summary.rowsMissing).toBe(isKept ? 2 : 10);
      await runScore(longer);
      const after = shards(project, signal);
      expect(after).toMatchObject(before);
      expect(Object.keys(after)).toHaveLength(2);
      const [gone] = longer.shards.shards;
      rmSync(gone!.path);
      const resumed = await runScore(await plan(project, signal));
      expect(resumed.rowsComputed).toBe(gone!.end - gone!.start);
      expect(shards(project, signal)).toEqual(after);
    },
  );

  it.skipIf(isLeftOut(signal))(
    'takes over what was measured of equal rows where others are edited, inserted and removed',
    async () => {
      const numbers = async (of: ScorePlan) => {
        const names = signal.columns(of.params).map((column) => column.name);
        const { columns } = await readColumns(project, of.shards, names);
        return (row: number) =>
          names.map((column) => {
            const { data, width, ...more } = columns[column] as { data: Float32Array; width: number };
            const offsets = 'offsets' in more ? (more.offsets as Uint32Array) : undefined;
            const [from, to] = offsets ? [offsets[row]!, offsets[row + 1]!] : [row * width, (row + 1) * width];
            return [...data.slice(from, to)];
          });
      };
      const earlier = await numbers(await plan(project, signal));
      const lines = readFileSync(join(data, 'data.jsonl'), 'utf8').trim().split('\n');
      const edited = lines[2]!.replace('What colour', 'Which colour');
      const now = [lines[1], line(20, 'c.png').trim(), edited, ...lines.slice(3)];
      writeFileSync(join(data, 'data.jsonl'), `${now.join('\n')}\n`);
      await project.addDataset({ path: join(data, 'data.jsonl'), images: join(data, 'images'), format: 'llava' });
      const changed = await plan(project, signal);
      // The shard of the two rows at the end is as it was.
      const again = [1, 2, ...(signal.readsMedia ? [BROKEN, GONE] : []), BAD_ROW];
      expect(changed.summary).toMatchObject(
        FITTED.has(name)
          ? { rowsMissing: now.length, rowsReused: 0 }
          : { rowsMissing: again.length, rowsReused: 8 - again.length },
      );
      const { rowsComputed, quarantined } = await runScore(changed);
      expect(rowsComputed).toBe(changed.summary.rowsMissing);
      expect(quarantined.map(({ row }) => row)).toEqual(signal.readsMedia ? [BROKEN, GONE, BAD_ROW] : [BAD_ROW]);
      if (FITTED.has(name)) return;
      const later = await numbers(await plan(project, signal));
      for (const [row, old] of [1, undefined, undefined, 3, 4, undefined, undefined, undefined, 8, 9].entries()) {
        if (old !== undefined) expect(later(row), `row ${row}, which was ${old}`).toEqual(earlier(old));
      }
      for (const row of [1, 2]) expect(later(row).flat().some(Number.isFinite)).toBe(true);
    },
  );

  it('sees a changed image if it reads images', async () => {
    await sharp(join(folder, 'images', 'b.png'))
      .negate({ alpha: false })
      .toFile(join(data, 'images', 'b.png'));
    const changed = await plan(project, signal);
    expect(changed.summary.rowsMissing > 0).toBe(signal.readsMedia);
  });
});

it('loses nothing by going blind where there is no image', async () => {
  const { project } = await fresh('blind');
  const loss = signals.find(({ name }) => name === 'loss')!;
  const done = await plan(project, loss);
  await runScore(done);
  const { columns } = await readColumns(project, done.shards, [
    'nll_mm',
    'nll_blind_masked',
    'nll_blind_drop',
    'nll_blind_remove',
    'necessity_masked',
  ]);
  const value = (column: string, row: number) => (columns[column] as { data: Float32Array }).data[row];
  for (const variant of ['masked', 'drop', 'remove']) {
    expect(value(`nll_blind_${variant}`, TEXT_ONLY)).toBe(value('nll_mm', TEXT_ONLY));
    expect(value(`nll_blind_${variant}`, 0)).not.toBe(value('nll_mm', 0));
  }
  expect(value('necessity_masked', TEXT_ONLY)).toBe(0);
  expect(value('necessity_masked', 0)).toBeCloseTo(value('nll_blind_masked', 0)! - value('nll_mm', 0)!, 5);
  await project.close();
});

it('refuses an option that no signal has', async () => {
  const { project } = await fresh('options');
  const ask = (params: Record<string, unknown>) => planScore(project, { signal: 'loss', params, offline: true });
  await expect(ask({ modle: 'x' })).rejects.toMatchObject({ code: 'OPTION_INVALID', exitCode: 2 });
  await expect(ask({ blind: ['masked', 'masked'] })).rejects.toMatchObject({ code: 'OPTION_INVALID' });
  await expect(ask({ model: 'nowhere' })).rejects.toMatchObject({ code: 'MODEL_UNKNOWN' });
  await expect(planScore(project, { signal: 'los' })).rejects.toMatchObject({ code: 'SIGNAL_UNKNOWN' });
  await project.close();
});
