import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ArenaResult } from '../src/experiment/arena/result.ts';
import { arena, gc, select } from '../src/index.ts';
import { selectors } from '../src/select/methods/find.ts';
import { openProject } from '../src/store/project.ts';
import { columnsNamed } from '../src/store/signals.ts';
import { makeArenaProject } from './arena-project.ts';
import { findings, installed, launch, openPage } from './browser.ts';

const LAUNCHER = fileURLToPath(new URL('../winnow', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'winnow-arena-'));
/** Cells of a line of CSV. */
const cells = (line: string): string[] => line.match(/(?<=^|,)("(?:[^"]|"")*"|[^,]*)(?=,|$)/g) ?? [];
/** Enough draws for a p below 0.05 over all methods would take longer than the test may. */
const quick = { budget: '15%', reference: 'target', draws: 60 } as const;
let all: ArenaResult;

const run = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [LAUNCHER, '-C', folder, 'arena', ...args], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
};

beforeAll(async () => {
  execFileSync(process.execPath, [fileURLToPath(new URL('../scripts/build-report.mjs', import.meta.url))]);
  await makeArenaProject(folder);
  // Hostile text must stay text.
  const truth = {
    faults: [{ key: 'x', title: '<b>planted</b>', about: 'none' }],
    rows: { pool0: { fault: 'x' }, pool1: { fault: 'x' } },
  };
  writeFileSync(join(folder, 'truth.json'), JSON.stringify(truth));
  const { result } = await arena(folder, {
    ...quick,
    methods: 'all,visnec:variant=official:k=3,top:column=signature,top:column=nothing',
  });
  all = result;
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the arena', () => {
  it('runs every method, lists what fails with its error and what is missing with what it lacks', () => {
    const comparisonVariants = selectors
      .filter(({ name }) => name !== 'random')
      .flatMap(({ name, comparisonVariants }) => (comparisonVariants ?? [{}]).map(() => name));
    expect(all.methods.map(({ method }) => method)).toEqual([...comparisonVariants, 'visnec']);
    expect(all.failed).toMatchObject([{ id: 'top:column=signature', error: { code: 'COLUMN_KIND' } }]);
    expect(all.missing).toMatchObject([
      { id: 'top:column=nothing', missing: [{ column: 'nothing', of: 'pool', because: 'not measured' }] },
    ]);
    expect(all.random.map(({ id, seeds, kept }) => [id, seeds, kept])).toEqual([
      ['random', 20, 18],
      ['stratified', 20, 18],
    ]);
    for (const method of all.methods) expect(method.kept, method.id).toBeLessThanOrEqual(method.requested);
  });

  it('measures what the command on the page of a method chooses', async () => {
    await using project = await openProject(folder);
    for (const id of ['visnec', 'd2', 'less', 'visnec:variant=official:k=3']) {
      const method = all.methods.find((one) => one.id === id)!;
      const options = id.includes(':') ? { variant: 'official' as const, k: 3 } : {};
      const reference = id === 'less' ? { reference: 'target' } : {};
      const { ids } = await select(project, {
        method: method.method as 'visnec',
        budget: '15%',
        dryRun: true,
        ...options,
        ...reference,
      });
      expect(ids, id).toHaveLength(method.kept);
      const dataset = await project.dataset('pool');
      const column = (await columnsNamed(project, dataset, ['aum'])).columns.aum!;
      const mean = ids.reduce((sum, one) => sum + (column.data as Float32Array)[dataset.rowOf(one)]!, 0) / ids.length;
      const q = all.quantities.findIndex(({ name }) => name === 'signal/aum');
      expect(method.quantities[q]!.value, id).toBeCloseTo(mean, 10);
      const faults = all.quantities.findIndex(({ name }) => name === 'fault/any');
      const planted = ids.filter((one) => one === 'pool0' || one === 'pool1').length;
      expect(method.quantities[faults]!.value * method.kept, id).toBeCloseTo(planted, 10);
      expect(method.command).toContain(`winnow select ${method.method} --budget 15%`);
    }
  });

  it('adds up: overlaps are symmetric, shares sum to 1, what one alone picks nobody else keeps', () => {
    const { overlap, methods } = all;
    overlap.jaccard.forEach((line, i) => {
      for (const [j, value] of line.entries()) expect(value).toBeCloseTo(overlap.jaccard[j]![i]!, 12);
    });
    expect([...overlap.order].sort((a, b) => a - b)).toEqual(overlap.names.map((_, i) => i));
    for (const { shares, uniquePicks } of methods) {
      expect(shares.source!.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 10);
      expect(uniquePicks.odd.filter(({ votes }) => votes === 0).length).toBe(
        Math.min(uniquePicks.picked, uniquePicks.odd.length),
      );
    }
    expect(overlap.ratio[methods.length]![methods.length]!).toBeGreaterThan(0.6);
    expect(overlap.ratio[methods.length]![methods.length]!).toBeLessThan(1.4);
  });

  it('does nothing twice, and chooses anew what has changed', async () => {
    const { result } = await arena(folder, { ...quick, methods: 'all', doctor: false });
    expect(result.methods.filter(({ reused }) => !reused)).toEqual([]);
    const byId = new Map(all.methods.map((method) => [method.id, method]));
    for (const method of result.methods) expect(method.kept).toBe(byId.get(method.id)!.kept);
    const other = await arena(folder, { ...quick, methods: 'visnec,s2l', seed: 7, doctor: false });
    expect(other.result.methods.map(({ reused }) => reused)).toEqual([false, false]);
    // A choice that was cut short is made again.
    const cache = join(folder, '.winnow', 'arena');
    for (const name of readdirSync(cache)) writeFileSync(join(cache, name), '{"kept":[1');
    const again = await arena(folder, { ...quick, methods: 'visnec' });
    expect(again.result.methods[0]).toMatchObject({ reused: false, kept: byId.get('visnec')!.kept });
  });

  it('takes several methods in a row and rules for sources, as select does', async () => {
    const methods = ['d2', 'semdedup:eps=0.3 then top:column=aum', 'top:column=aum:quota=web=50%:max=lab=2'];
    const { result } = await arena(folder, { ...quick, methods, doctor: false });
    const [alone, inRow, ruled] = result.methods;
    expect(alone!.stages).toMatchObject([{ method: 'd2', arrived: 120, kept: 18 }]);
    const byHand = await select(folder, {
      before: [{ method: 'semdedup', eps: 0.3 }],
      method: 'top',
      column: 'aum',
      budget: '15%',
      dryRun: true,
    });
    const stages = byHand.composition!.stages.map(({ method, arrived, kept }) => ({ method, arrived, kept }));
    expect(inRow).toMatchObject({ method: 'semdedup then top', kept: byHand.ids.length, stages });
    expect(inRow!.stages[0]!.formula).toBe(selectors.find(({ name }) => name === 'semdedup')!.formula);
    expect(ruled!.sources).toMatchObject([
      { source: 'lab', most: 2 },
      { source: 'web', least: 9, kept: 9 },
    ]);
    const web = result.compositions[0]!.labels.indexOf('web');
    expect(ruled!.shares.source![web]).toBe(0.5);
  });

  it('compares at a budget in tokens, which every subset keeps to', async () => {
    const { result } = await arena(folder, { ...quick, budget: '2k tokens', methods: 'd2,top:column=aum' });
    expect(result.cost).toMatchObject({ unit: 'tokens', limit: 2000 });
    for (const { id, tokens } of [...result.methods, ...result.random]) {
      expect(tokens, id).toBeLessThanOrEqual(2000);
      expect(tokens, id).toBeGreaterThan(1000);
    }
    const { composition } = await select(folder, { method: 'top', column: 'aum', budget: '2k tokens', dryRun: true });
    expect(result.methods[1]!.tokens).toBe(composition!.cost!.spent);
    const hours = await arena(folder, { budget: '0.00001 gpu-hours', methods: 'd2', dryRun: true, trainParams: '2B' });
    expect(hours.cost!.assumptions).toContain('2B parameters');
  });

  it('keeps choices of one version of a method apart from those of another', async () => {
    const once = async () => (await arena(folder, { ...quick, methods: 'd2', doctor: false })).result.methods[0]!;
    await once();
    expect((await once()).reused).toBe(true);
    const d2 = selectors.find(({ name }) => name === 'd2') as { version: number };
    d2.version++;
    expect((await once()).reused).toBe(false);
    d2.version--;
    expect((await once()).reused).toBe(true);
  });

  it('leaves choices to gc once the rows have changed', async () => {
    await arena(folder, { ...quick, methods: 'top', doctor: false });
    const choices = async () => (await gc(folder, { dryRun: true })).garbage.filter(({ kind }) => kind === 'choice');
    expect(await choices()).toEqual([]);
    const file = join(folder, 'pool.json');
    const whole = readFileSync(file, 'utf8');
    writeFileSync(file, whole.replace('Answer 3 ', 'Another answer '));
    expect((await choices()).length).toBeGreaterThan(0);
    writeFileSync(file, whole);
  });

  it('says what is missing of a target, and what would run', async () => {
    const plan = await arena(folder, { budget: 10, methods: 'less,top', dryRun: true });
    expect(plan.runs.map(({ id }) => id)).toEqual(['top']);
    expect(plan.missing).toMatchObject([{ id: 'less', needsReference: true }]);
  });
});

describe('winnow arena', () => {
  it('prints one document with --json, and writes a page and a table', () => {
    const { status, stdout } = run('--budget', '15%', '--methods', 'd2,xmas', '--draws', '50', '--no-doctor', '--json');
    expect(status).toBe(0);
    const document = JSON.parse(stdout) as { result: ArenaResult; page: string; csv: string };
    expect(document.result.methods.map(({ id }) => id)).toEqual(['d2', 'xmas']);
    expect(readFileSync(document.page, 'utf8')).toMatch(/^<!doctype html>/);
    const [head, ...lines] = readFileSync(document.csv, 'utf8').trimEnd().split('\r\n');
    expect(head).toMatch(/^id,status,title,requested,kept,/);
    expect(lines.map((line) => cells(line)[1])).toEqual(['ran', 'ran', 'random', 'random']);
    for (const line of lines) expect(cells(line)).toHaveLength(cells(head!).length);
  });

  it('does nothing in a dry run', () => {
    const out = join(folder, 'dry.html');
    const { status, stdout } = run('--budget', '15%', '--dry-run', '--out', out);
    expect(status).toBe(0);
    expect(stdout).toContain('less: a data set that stands for the target: --reference NAME');
    expect(stdout).toContain('Dry run: nothing was done.');
    expect(existsSync(out)).toBe(false);
  });

  it.each([
    [['--methods', 'nonsense', '--budget', '15%'], 'METHOD_UNKNOWN'],
    [['--methods', 'visnec:k=x', '--budget', '15%'], 'OPTION_INVALID'],
    [['--budget', '0%'], 'BUDGET_INVALID'],
    [['--budget', '1 token'], 'BUDGET_INVALID'],
    [['--budget', '15%', '--train-gpu', 'a100'], 'USAGE'],
    [['--budget', '15%', '--truth', 'nowhere.json'], 'TRUTH_MISSING'],
    [['--budget', '15%', '--methods', 'top:column=aum:quota=nowhere=5'], 'SOURCE_UNKNOWN'],
    [['--budget', '15%', '--methods', 'top:column=aum:never-keep=nobody'], 'ID_UNKNOWN'],
    [['--budget', '15%', '--methods', 'weighted:weights=selection:nothing=1'], 'SELECTION_UNKNOWN'],
    [[], 'BUDGET_MISSING'],
    [['--budget', '15%', '--reference', 'nothing'], 'DATASET_UNKNOWN'],
    [['--budget', '15%', '--draws', '3'], 'OPTION_INVALID'],
    [['--budget', '15%', '--target-size', '-1'], 'OPTION_INVALID'],
  ])('refuses %j', (args, code) => {
    const { status, stdout } = run(...args, '--json');
    expect(status).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code } });
  });
});

describe.skipIf(!installed)('the page of the arena', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  for (const [scheme, width] of [
    ['light', 1280],
    ['dark', 360],
  ] as const) {
    it(`has no error, no serious finding and no sideways scroll (${scheme}, ${width} px)`, async () => {
      await arena(folder, {
        ...quick,
        methods:
          'visnec,self-sup,d2,less,semdedup then top:column=aum:quota=web=50%,top:column=signature,top:column=nothing',
        out: join(folder, 'page.html'),
      });
      await openPage(browser, join(folder, 'page.html'), width, scheme, async ({ page }) => {
        const isClean = async (what: string): Promise<void> => {
          expect(await page.evaluate('document.documentElement.scrollWidth'), what).toBeLessThanOrEqual(width);
          expect(await findings(page), what).toEqual([]);
          expect(await page.locator('main').innerText(), what).not.toMatch(/NaN|undefined|Infinity|null/);
        };
        await isClean('overview');
        expect(await page.locator('#overlap table.matrix tbody tr').count()).toBe(6 + 2);
        const box = page.locator('#overlap .across');
        const readout = page.locator('#overlap .readout');
        await box.locator('tbody td').nth(1).hover();
        expect(await readout.innerText()).toMatch(/ and .*: [\d,]+ rows in both/);
        await box.focus();
        for (const key of ['ArrowDown', 'ArrowRight']) await page.keyboard.press(key);
        expect(await box.locator('td.on').count()).toBe(1);
        expect(await readout.innerText()).toContain('times chance');
        expect(await page.locator('aside.advice').innerText()).toMatch(/first/);
        await page.getByRole('button', { name: 'Times chance' }).click();
        await page.locator('#side a').first().click();
        await page.waitForTimeout(100);
        expect(await page.locator('#side').isVisible()).toBe(false);
        expect(await page.locator('article.method h2').innerText()).toBe('VisNec: visual necessity');
        expect(await page.locator('article.method .card').count()).toBeGreaterThan(8);
        await isClean('method');
        await page.goBack();
        await page.locator('#side a', { hasText: 'semdedup then' }).click();
        await page.waitForTimeout(100);
        expect(await page.locator('article.method pre.formula').count()).toBe(2);
        await isClean('pipeline');
        await page.goBack();
        expect(await page.locator('#side').isVisible()).toBe(true);
      });
    }, 60_000);
  }
});
