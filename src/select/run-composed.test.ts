import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collectReport } from '../report/collect.ts';
import { importSignal } from '../signals/io/import/import-signal.ts';
import { openProject, type Project } from '../store/project.ts';
import { loadSelection } from '../store/selections.ts';
import type { SelectRequest } from './compose/request.ts';
import { explain } from './explain.ts';
import { runSelection } from './run.ts';

/** Sixty rows of three sources (30 web, 20 book, 10 none); score i, tokens 10 + i; row 59 can't be read. */
const ROWS = 60;
const sourceOf = (i: number): string | undefined => (i < 30 ? 'web' : i < 50 ? 'book' : undefined);
let folder = '';
let project: Project;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'winnow-composed-'));
  const rows = Array.from({ length: ROWS }, (_, i) => ({
    id: `r${i}`,
    source: sourceOf(i),
    conversations: [
      { from: 'human', value: 'x'.repeat(36) },
      { from: 'gpt', value: i === 59 ? 7 : 'four' },
    ],
  }));
  writeFileSync(join(folder, 'd.json'), JSON.stringify(rows));
  project = await openProject(folder, { create: true });
  await project.addDataset({ path: join(folder, 'd.json'), format: 'llava' });
  const lines = rows.map(({ id }, i) => JSON.stringify({ id, score: i, other: -i, tokens: 10 + i, word: 'w' }));
  writeFileSync(join(folder, 'scores.jsonl'), lines.join('\n'));
  await importSignal(project, { file: join(folder, 'scores.jsonl'), as: 'given' });
});
afterAll(async () => {
  await project.close();
  rmSync(folder, { recursive: true, force: true });
});

const top = (column = 'score') => ({ method: 'top', options: { column, textOnly: 'score' } });
const select = (request: Partial<SelectRequest> = {}) => runSelection(project, { ...top(), budget: 10, ...request });
const numbers = (ids: readonly string[]) => ids.map((id) => Number(id.slice(1)));
const count = (ids: readonly string[], source?: string) => numbers(ids).filter((i) => sourceOf(i) === source).length;

describe('a composed selection', () => {
  it('says of every row which stage dropped it, also when it is loaded again', async () => {
    const { ids, method, name } = await select({ before: [{ ...top('other'), budget: '50%' }] });
    expect([method, name, numbers(ids)]).toEqual([
      'top then top',
      'top-column-other-budget50%-then-top-column-score-10-s42',
      [29, 28, 27, 26, 25, 24, 23, 22, 21, 20],
    ]);
    const saved = await loadSelection(project, name);
    expect(saved.reasons.map(({ stage = 0 }) => stage)).toEqual([...Array(30).fill(2), ...Array(29).fill(1), 0]);
    expect((await explain(project, { id: 'r40' })).because).toBe(
      'stage 1 of 2, top: dropped: rank 41 of its group, below its quota',
    );
    expect((await explain(project, { id: 'r19' })).because).toBe(
      'stage 2 of 2, top: dropped: rank 11 of its group, below its quota',
    );
    expect((await explain(project, { id: 'r59' })).because).toMatch(/^left out before the selection/);
    const page = await collectReport(project, { selection: name });
    expect(page.selections?.[0]?.reasons?.stage?.slice(28, 31)).toEqual([
      'Stage 2 of 2, top',
      'Stage 2 of 2, top',
      'Stage 1 of 2, top',
    ]);
    expect(page.notes).toEqual(['Stage 1, top: 30 kept, 59 reached it.', 'Stage 2, top: 10 kept, 30 reached it.']);
  });

  it('chooses from an earlier selection, whose size its share is of', async () => {
    await select({ name: 'early', budget: 20 });
    const { ids, composition, statistics } = await select({
      ...top('other'),
      from: 'early',
      budget: '25%',
      name: 'late',
    });
    expect(numbers(ids)).toEqual([39, 40, 41, 42, 43]);
    expect(composition?.from).toEqual({ selection: 'early', rows: 20 });
    expect(statistics.pool['source/web']).toBe(0);
    for (const { statistics: random } of statistics.random)
      expect(random['source/web']!.values).toEqual(Array(20).fill(0));
    expect((await explain(project, { id: 'r1', selection: 'late' })).because).toMatch(/does not hold it$/);
  });

  it('holds lists and rules, and so do the random subsets here and in the report', async () => {
    const { ids, composition, statistics } = await select({
      alwaysKeep: ['r0', 'r1'],
      neverKeep: 'r58, r57',
      quota: { web: '30%' },
      floor: ['book=4'],
      max: { unknown: 2 },
      name: 'ruled',
    });
    // Of web the two that are always kept and the best; of the unknown the two best that are allowed; book has the
    // rest.
    expect(numbers(ids).sort((a, b) => a - b)).toEqual([0, 1, 29, 45, 46, 47, 48, 49, 55, 56]);
    expect(composition?.sources).toEqual([
      { source: 'book', least: 4, most: null, available: 20, kept: 5 },
      { source: 'unknown', least: 0, most: 2, available: 7, kept: 2 },
      { source: 'web', least: 3, most: 3, available: 30, kept: 3 },
    ]);
    const report = await collectReport(project, { selection: 'ruled' });
    for (const values of [statistics.random[0]!.statistics['source/web']!, report.random![0]!.source!.web!])
      expect([values.mean.toFixed(9), values.lo, values.hi]).toEqual(['0.300000000', 0.3, 0.3]);
    for (const { statistics: random } of statistics.random)
      for (const share of random['source/unknown']!.values) expect(share).toBeLessThanOrEqual(0.2);
    expect(report.selections?.[0]).toMatchObject({ name: 'ruled' });
    expect((await explain(project, { id: 'r58', selection: 'ruled' })).because).toMatch(/never kept$/);
    expect((await explain(project, { id: 'r0', selection: 'ruled' })).because).toMatch(/always kept$/);
  });

  it('fills a budget of tokens from a column, or from the text and images', async () => {
    const { ids, composition, requested } = await select({ budget: '500 tokens', tokensColumn: 'tokens' });
    // 68 + 67 + ... + 62 is 455, and one more would be 516.
    expect(numbers(ids)).toEqual([58, 57, 56, 55, 54, 53, 52]);
    expect([requested, composition?.cost]).toMatchObject([
      7,
      { unit: 'tokens', limit: 500, spent: 455, tokens: 'column tokens' },
    ]);
    // 40 bytes a row are 10 tokens.
    const guessed = await select({ budget: '105 tokens', method: 'random', options: {} });
    expect([guessed.returned, guessed.composition?.cost?.spent]).toEqual([10, 100]);
    expect(guessed.statistics.random[0]!.budget).toBe(10);
    const all = await select({ budget: '1 gpu-hours', dryRun: true });
    expect(all).toMatchObject({ returned: 59, composition: { cost: { limit: 29_670_000, spent: 590 } } });
  });

  it('adds scores of methods and of earlier selections', async () => {
    await select({ name: 'best', budget: 5 });
    const weigh = async (weights: string) =>
      numbers(
        (await select({ method: 'weighted', options: { weights, textOnly: 'score' }, budget: 3, dryRun: true })).ids,
      );
    expect(await weigh('selection:best=1')).toEqual([58, 57, 56]);
    expect(await weigh('selection:best=-1,other=0.5')).toEqual([0, 1, 2]);
    await expect(weigh('method:random=1')).rejects.toMatchObject({ code: 'SCORE_MISSING' });
    await expect(weigh('method:rendom=1')).rejects.toMatchObject({ code: 'METHOD_UNKNOWN' });
    await expect(weigh('method:less=1')).rejects.toMatchObject({ code: 'SCORE_MISSING' });
    await expect(weigh('selection:none=1')).rejects.toMatchObject({ code: 'SELECTION_UNKNOWN' });
    await expect(weigh('word=1')).rejects.toMatchObject({ code: 'COLUMN_KIND' });
  });

  it('is the same bytes when made again', async () => {
    const request = {
      before: [{ method: 'random', pass: '70%' }],
      quota: ['web=4'],
      alwaysKeep: 'early',
      budget: 25,
      name: 'twice',
    };
    const read = () => readFileSync(join(project.paths.selections, 'twice.json'), 'utf8');
    await select(request);
    const first = read();
    await select(request);
    expect(read()).toBe(first);
    expect(JSON.parse(first).lineage.composition).toMatchObject({ alwaysKeep: { given: ['early'], rows: 20 } });
  });

  it('gives what a source lacks to the others, and says so', async () => {
    const { ids, notes } = await select({ budget: 20, quota: ['unknown=75%'], dryRun: true });
    expect([count(ids), count(ids, 'book'), count(ids, 'web')]).toEqual([9, 11, 0]);
    expect(notes).toContain('Only 9 of the 15 samples due from "unknown" could be kept.');
  });
});

describe('what is refused', () => {
  it.each([
    ['BUDGET_MISSING', { budget: undefined }],
    ['USAGE', { budget: 3, pass: 3 }],
    ['BUDGET_INVALID', { budget: '3 gpu-days' }],
    ['BUDGET_INVALID', { budget: '1 token' }],
    ['BUDGET_INVALID', { budget: undefined, pass: 'half' }],
    ['BUDGET_INVALID', { before: [{ ...top(), budget: '0.5' }] }],
    ['METHOD_UNKNOWN', { before: [{ method: 'topp' }] }],
    ['OPTION_INVALID', { before: [{ method: 'top', options: { colum: 'score' } }] }],
    ['COLUMN_MISSING', { before: [top('nothing')] }],
    ['REFERENCE_UNUSED', { before: [{ ...top(), reference: 'd' }] }],
    ['SELECTION_UNKNOWN', { from: 'nothing' }],
    ['ID_UNKNOWN', { alwaysKeep: 'r1,r600' }],
    ['ID_UNKNOWN', { neverKeep: ['r1', 'nobody'] }],
    ['ALWAYS_UNUSABLE', { alwaysKeep: 'r59' }],
    ['ALWAYS_TOO_MANY', { alwaysKeep: 'r1,r2,r3', budget: 2 }],
    ['ALWAYS_TOO_MANY', { alwaysKeep: 'r1,r2,r3', budget: '20 tokens' }],
    ['LISTS_CLASH', { alwaysKeep: 'r1', neverKeep: 'r2,r1' }],
    ['SOURCE_UNKNOWN', { quota: { nowhere: 3 } }],
    ['SOURCE_AMOUNT_INVALID', { quota: ['web'] }],
    ['SOURCE_RULES_CLASH', { alwaysKeep: 'r1,r2', max: ['web=1'] }],
    ['SOURCE_RULES_CLASH', { floor: ['web=11'] }],
    ['SOURCE_RULES_CLASH', { floor: ['web=11'], budget: '30 tokens' }],
    ['TOKENS_MISSING', { budget: '90 tokens', tokensColumn: 'word' }],
    ['COLUMN_MISSING', { budget: '90 tokens', tokensColumn: 'nothing' }],
    ['OPTION_INVALID', { budget: '90 tokens', trainParams: 'seven' }],
  ] as [string, Partial<SelectRequest>][])('%s for %j', async (code, request) => {
    const before = readFileSync(project.paths.lineage, 'utf8');
    await expect(select(request)).rejects.toMatchObject({ code });
    expect(readFileSync(project.paths.lineage, 'utf8')).toBe(before);
  });
});
