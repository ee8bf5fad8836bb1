import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Column } from '../numeric/columns.ts';
import { importSignal } from '../signals/io/import/import-signal.ts';
import { openProject, type Project } from '../store/project.ts';
import { planShards } from '../store/shard-plan.ts';
import { writeShard } from '../store/shards.ts';
import { recordSignal } from '../store/signals.ts';
import { explain } from './explain.ts';
import { runSelection } from './run.ts';
import { selectionName } from './selection-name.ts';

/**
 * Forty rows of two kinds of question and two sources. S of row i is (i - 10) / 20, so that rows 0 to 10 are not
 * positive; row 39 can't be read.
 */
const ROWS = 40;
const necessity = Float32Array.from({ length: ROWS }, (_, i) => (i - 10) / 20);
let folder = '';
let project: Project;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'winnow-select-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeEach(async () => {
  const at = mkdtempSync(join(folder, 'p-'));
  const rows = Array.from({ length: ROWS }, (_, i) => ({
    id: `r${i}`,
    source: i < 30 ? 'web' : 'book',
    image: 'a.png',
    conversations: [
      {
        from: 'human',
        value:
          i % 2 === 0 ? `<image>\nHow many circles are red, ${i}?` : `<image>\nWhere does the blue square stand, ${i}?`,
      },
      { from: 'gpt', value: i === 39 ? 7 : 'Here.' },
    ],
  }));
  writeFileSync(join(at, 'd.json'), JSON.stringify(rows));
  project = await openProject(at, { create: true });
  await project.addDataset({ path: join(at, 'd.json'), format: 'llava' });
});
afterEach(() => project.close());

/** Store losses as `score loss` does, without a model. */
async function storeLoss(variants: readonly string[] = ['masked']): Promise<void> {
  const dataset = await project.dataset();
  const f32 = (data: Float32Array): Column => ({ kind: 'f32', width: 1, data });
  const columns: Record<string, Column> = { nll_mm: f32(new Float32Array(ROWS).fill(1)) };
  for (const variant of variants) {
    columns[`nll_blind_${variant}`] = f32(necessity.map((s) => 1 + s));
    columns[`necessity_${variant}`] = f32(necessity.map((s) => (variant === 'drop' ? -s : s)));
  }
  const plan = await planShards(project, dataset, {
    signal: 'loss',
    version: 1,
    revision: 'test',
    params: { blind: [...variants] },
    columns: Object.keys(columns).map((name) => ({ name, kind: 'f32', measures: 'nats/token' })),
  });
  for (const shard of plan.shards) await writeShard(project, plan, shard, { start: 0, rows: ROWS, columns }, []);
  await recordSignal(project, plan, { model: 'test' });
}

const visnec = (more: Record<string, unknown> = {}) =>
  runSelection(project, { method: 'visnec', budget: '25%', options: { k: 2, textOnly: 'score' }, ...more });

describe('a selection', () => {
  it('reads a necessity that was measured elsewhere, until a loss is scored here', async () => {
    const file = join(project.folder, 'necessity.jsonl');
    const lines = [...necessity].map((s, i) => JSON.stringify({ id: `r${i}`, necessity: -s }));
    writeFileSync(file, lines.join('\n'));
    await importSignal(project, { file, as: 'necessity' });
    const top = () => runSelection(project, { method: 'top', budget: 2, options: { textOnly: 'score' } });
    expect((await top()).ids).toEqual(['r0', 'r1']);
    await storeLoss();
    expect((await top()).ids).toEqual(['r38', 'r37']);
  });

  it('keeps the best of each cluster, is measured beside random subsets, and is saved', async () => {
    await storeLoss();
    const result = await visnec();
    expect(result).toMatchObject({
      name: 'visnec-k2-text-only-score-25%-s42',
      requested: 10,
      returned: 10,
      rows: ROWS,
      saved: true,
    });
    expect(result.perCluster.map(({ kept }) => kept).sort()).toEqual([5, 5]);
    expect(new Set(result.ids)).toEqual(new Set(Array.from({ length: 10 }, (_, i) => `r${29 + i}`)));
    // Rows 29 to 38: S from 0.95 to 1.4 by steps of 0.05, and the 39 readable rows from -0.5 to 1.4.
    expect(result.statistics.selection.necessity).toBeCloseTo(1.175, 5);
    expect(result.statistics.pool.necessity).toBeCloseTo(0.45, 5);
    expect(result.statistics.selection).toMatchObject({ critical: 1, redundant: 0, misaligned: 0 });
    expect(result.statistics.pool.misaligned).toBeCloseTo(9 / 39, 10);
    expect(result.statistics.pool['source/book']).toBeCloseTo(9 / 39, 10);
    const [uniform, stratified] = result.statistics.random;
    expect([uniform!.kind, uniform!.seeds, uniform!.budget]).toEqual(['uniform', 20, 10]);
    expect(stratified!.kind).toBe('stratified');
    // A stratified subset of ten has two of the nine rows from books: the share of 2.3, by largest remainder.
    expect(stratified!.statistics['source/book']!.values).toEqual(Array(20).fill(0.2));
    const means = uniform!.statistics.necessity!;
    expect(means.lo).toBeLessThan(means.mean);
    expect(means.hi).toBeLessThan(1.175);
    expect(Math.abs(means.mean - 0.45)).toBeLessThan(0.15);
    expect(result.notes.join('\n')).toMatch(/lexical encoder/);
  });

  it('is the same bytes when made again, and says what it was computed from', async () => {
    await storeLoss();
    const files = () =>
      Object.fromEntries(
        readdirSync(project.paths.selections).map((file) => [
          file,
          createHash('sha256')
            .update(readFileSync(join(project.paths.selections, file)))
            .digest('hex'),
        ]),
      );
    await visnec();
    // The first run measured the embedding too, which is a note of that run alone.
    await visnec();
    const first = files();
    await visnec();
    expect(files()).toEqual(first);
    const head = JSON.parse(
      readFileSync(join(project.paths.selections, 'visnec-k2-text-only-score-25%-s42.json'), 'utf8'),
    );
    expect(head.lineage.columns).toMatchObject({
      necessity: { signal: 'loss' },
      instruction: { signal: 'text-embedding' },
    });
    expect((await project.lineage()).filter(({ kind }) => kind === 'selection')).toHaveLength(3);
  });

  it('is named by method, variant, budget and seed, or as it is told', async () => {
    await storeLoss();
    const official = await visnec({
      options: { k: 2, variant: 'official', textOnly: 'score' },
      seed: 7,
      budget: '12.5 %',
    });
    expect(official.name).toBe('visnec-k2-official-text-only-score-12.5%-s7');
    expect((await visnec({ name: 'mine' })).name).toBe('mine');
    expect((await runSelection(project, { method: 'random', budget: 5 })).name).toBe('random-5-s42');
    await expect(visnec({ name: '../mine' })).rejects.toMatchObject({ code: 'NAME_INVALID', exitCode: 2 });
  });

  it('takes budget and seed from the project where they are not given', async () => {
    const file = join(project.folder, 'winnow.yaml');
    await expect(runSelection(project, { method: 'random' })).rejects.toMatchObject({
      code: 'BUDGET_MISSING',
      exitCode: 2,
    });
    writeFileSync(file, readFileSync(file, 'utf8').replace('defaults: {}', 'defaults: {budget: 20%, seed: 3}'));
    expect(await runSelection(project, { method: 'random' })).toMatchObject({ name: 'random-20%-s3', returned: 8 });
    expect(await runSelection(project, { method: 'random', budget: 2, seed: 0 })).toMatchObject({
      name: 'random-2-s0',
    });
  });

  it('takes necessity from the blind variant that is asked for', async () => {
    await storeLoss(['masked', 'drop']);
    const ids = async (blind?: string) =>
      (await runSelection(project, { method: 'top', budget: 1, blind, dryRun: true })).ids;
    expect([await ids(), await ids('masked'), await ids('drop')]).toEqual([['r38'], ['r38'], ['r0']]);
    await expect(ids('remove')).rejects.toMatchObject({
      code: 'BLIND_MISSING',
      hint: 'Run: winnow score loss --blind remove',
    });
  });

  it('saves nothing and measures nothing in a dry run', async () => {
    await storeLoss();
    const before = readdirSync(project.paths.root, { recursive: true }).sort();
    await expect(visnec({ dryRun: true })).rejects.toMatchObject({ code: 'COLUMN_MISSING' });
    const result = await runSelection(project, { method: 'top', budget: '10%', dryRun: true });
    expect(result).toMatchObject({ saved: false, returned: 4 });
    expect(readdirSync(project.paths.root, { recursive: true }).sort()).toEqual(before);
  });

  it('is explained with its class, its cluster and its neighbours', async () => {
    await storeLoss();
    await visnec();
    const kept = await explain(project, { id: 'r38' });
    expect(kept).toMatchObject({
      kept: true,
      source: 'book',
      reason: { rank: 1, class: 'critical' },
      cluster: { kept: 5 },
    });
    expect(kept.because).toBe('kept: rank 1 of its group, within its quota; critical');
    expect(kept.neighbours).toHaveLength(5);
    expect(kept.neighbours.every(({ id }) => id !== 'r38')).toBe(true);
    expect((await explain(project, { id: 'r0' })).because).toMatch(
      /does not lower the loss \(score -0\.500\); misaligned$/,
    );
    const broken = await explain(project, { id: 'r39', neighbours: 2 });
    expect(broken).toMatchObject({ kept: false, reason: { code: 'excluded' }, neighbours: [] });
    expect(broken.because).toMatch(/no text in "value"/);
    await expect(explain(project, { id: 'r388' })).rejects.toMatchObject({
      code: 'ID_UNKNOWN',
      hint: expect.stringMatching(/^Did you mean .*"r38"/),
    });
  });
});

describe('what is refused', () => {
  it.each([
    ['0.15', /Did you mean 15%/],
    ['0', /larger/],
    ['1%', /larger/],
    ['101%', /at most 100%/],
    ['many', /--budget 15%/],
    ['-3', /--budget 15%/],
  ])('a budget of %s', async (budget, hint) => {
    await expect(runSelection(project, { method: 'random', budget })).rejects.toMatchObject({
      code: 'BUDGET_INVALID',
      exitCode: 2,
      hint: expect.stringMatching(hint),
    });
  });

  it.each([-1, 1.5, 2 ** 32, Number.NaN])('a seed of %d', async (seed) => {
    await expect(runSelection(project, { method: 'random', budget: 3, seed })).rejects.toMatchObject({
      code: 'SEED_INVALID',
      exitCode: 2,
    });
  });

  it('columns that have not been measured, with the command that measures them', async () => {
    const wants = (column: string) => runSelection(project, { method: 'top', budget: 3, options: { column } });
    await expect(visnec()).rejects.toMatchObject({ code: 'COLUMN_MISSING', hint: 'Run: winnow score loss' });
    await expect(wants('clip_score')).rejects.toMatchObject({ hint: 'Run: winnow score clip-score' });
    await expect(wants('image_sharpness')).rejects.toMatchObject({ hint: 'Run: winnow score image-stats' });
    await storeLoss();
    await expect(wants('beauty')).rejects.toMatchObject({ hint: expect.stringMatching(/There are nll_mm/) });
  });

  it('methods and options that do not exist, and values of the wrong kind', async () => {
    const ask = (method: string, options = {}) => runSelection(project, { method, budget: 3, options });
    await expect(ask('visnek')).rejects.toMatchObject({ code: 'METHOD_UNKNOWN', exitCode: 2 });
    await expect(ask('visnec', { kk: 3 })).rejects.toMatchObject({ code: 'OPTION_INVALID', exitCode: 2 });
    await expect(ask('visnec', { k: 'x' })).rejects.toThrow(/--k takes a number, got "x"/);
    await expect(ask('visnec', { variant: 'official', base: 'cluster' })).rejects.toThrow(
      /base belongs to variant paper/,
    );
  });
});

describe('the name of a selection', () => {
  it('holds the options that differ from their defaults', () => {
    const named = (request: Parameters<typeof selectionName>[0]) => selectionName(request, { budget: '25%', seed: 42 });
    expect(named({ method: 'visnec', options: { k: 5 } })).toBe('visnec-k5-25%-s42');
    expect(named({ method: 'visnec', options: { variant: 'official' } })).toBe('visnec-official-25%-s42');
    expect(named({ method: 'visnec', options: { threshold: 0.05 } })).toBe('visnec-25%-s42');
    expect(named({ method: 'random', before: [{ method: 'visnec', pass: '60%' }] })).toBe(
      'visnec-pass60%-then-random-25%-s42',
    );
    const kept = named({ method: 'random', neverKeep: ['r 1', 'r2'] });
    expect(kept).toMatch(/^random-[0-9a-f]{8}-25%-s42$/);
    expect(named({ method: 'random', neverKeep: ['r 1', 'r3'] })).not.toBe(kept);
    expect(selectionName({ method: 'random' }, { budget: '2M tokens', seed: 1, place: 'two' })).toBe(
      'random-of-two-2Mtokens-s1',
    );
  });

  it('is not taken from another selection unasked', async () => {
    const mine = { name: 'mine', budget: '25%' };
    await runSelection(project, { method: 'random', ...mine });
    await runSelection(project, { method: 'random', seed: 42, ...mine });
    await expect(runSelection(project, { method: 'random', seed: 43, ...mine })).rejects.toMatchObject({
      code: 'SELECTION_EXISTS',
    });
    const { notes } = await runSelection(project, { method: 'random', seed: 43, replace: true, ...mine });
    expect(notes[0]).toContain('Replaced the selection "mine"');
  });
});
