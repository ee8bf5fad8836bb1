import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

/* Pipelines, rules, lists, budgets by cost, and signals from elsewhere through the built command line. */
const ROOT = path.resolve(import.meta.dirname, '..');
const BIN = path.join(ROOT, 'bin/winnow.js');
vi.setConfig({ testTimeout: 120_000, hookTimeout: 240_000 });

let work = '';
beforeAll(() => {
  const built = spawnSync(path.join(ROOT, 'winnow'), ['--version'], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(built.stderr);
  work = fs.mkdtempSync(path.join(os.tmpdir(), 'winnow compose é-'));
  json('import', path.join(ROOT, 'examples/nlvr/nlvr.json'));
  // Three sources of 240, 160 and 80 rows, a score of our own, and tokens.
  const ids = json<{ rows: string[][] }>('sql', 'SELECT id FROM samples').rows.map(([id]) => id!);
  const lines = ids.map((id, i) =>
    JSON.stringify({
      id,
      score: (i * 37) % 480,
      tokens: 100 + i,
      vector: [Math.cos((i % 20) * 0.314), Math.sin((i % 20) * 0.314)],
    }),
  );
  fs.writeFileSync(path.join(work, 'scores.jsonl'), `${lines.join('\n')}\n`);
});
afterAll(() => fs.rmSync(work, { recursive: true, force: true }));

function winnow(args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [BIN, ...args], {
    cwd: work,
    encoding: 'utf8',
    timeout: 100_000,
    maxBuffer: 1 << 26,
  });
}

function json<T = Record<string, unknown>>(...args: string[]): T {
  const { status, stdout, stderr } = winnow([...args, '--json', '--quiet']);
  expect({ status, stderr, args, stdout: status === 0 ? '' : stdout }).toEqual({
    status: 0,
    stderr: '',
    args,
    stdout: '',
  });
  return JSON.parse(stdout) as T;
}

function failed(...args: string[]): [number | null, string] {
  const { status, stdout } = winnow([...args, '--json']);
  return [status, (JSON.parse(stdout) as { error: { code: string } }).error.code];
}

interface Selected {
  name: string;
  method: string;
  requested: number;
  returned: number;
  ids: string[];
  notes: string[];
  composition: {
    stages: { method: string; arrived: number; kept: number }[];
    sources: { source: string; least: number; most: number | null; kept: number }[];
    cost: { limit: number; spent: number };
  };
  statistics: {
    selection: Record<string, number>;
    random: { budget: number; statistics: Record<string, { values: number[] }> }[];
  };
}

describe('the command line', () => {
  it('imports, selects by it in stages, explains, exports and makes the command again', () => {
    expect(json('signals', 'import', 'scores.jsonl', '--as', 'given', '--note', 'made up')).toMatchObject({
      rows: 480,
      measured: 480,
    });
    expect(json<{ signals: { signal: string }[] }>('signals', 'list').signals.map(({ signal }) => signal)).toEqual([
      'given',
    ]);
    const made = json<Selected>(
      ...['select', 'semdedup', '--eps', '0.001', '--embedding', 'vector', '--k', '1', '--text-only', 'score'],
      ...['then', 'top', '--column', 'score', '--pass', '50%', 'then', 'random', '--budget', '5', '--name', 'piped'],
    );
    // Twenty directions.
    expect(made.composition.stages.map(({ method, arrived, kept }) => [method, arrived, kept])).toEqual([
      ['semdedup', 480, 20],
      ['top', 20, 10],
      ['random', 10, 5],
    ]);
    expect(made).toMatchObject({ name: 'piped', method: 'semdedup then top then random', requested: 5, returned: 5 });
    expect(made.notes.join('\n')).toContain('was imported: made up');
    const dropped = json<{ rows: string[][] }>('sql', 'SELECT id FROM samples')
      .rows.map(([id]) => id!)
      .find((id) => !made.ids.includes(id))!;
    expect(json<{ because: string }>('explain', dropped).because).toMatch(
      /^stage [123] of 3, (semdedup|top|random): dropped/,
    );
    expect(json<{ because: string }>('explain', made.ids[0]!).because).toBe(
      'stage 3 of 3, random: kept: drawn at random',
    );
    expect(json('export', 'piped', '--out', 'subset', '--format', 'sharegpt')).toMatchObject({ rows: 5 });
    const status = json<{ selections: { method: string }[] }>('status');
    expect(status.selections.map(({ method }) => method)).toEqual(['semdedup then top then random']);
    expect(winnow(['report', 'piped', '--out', 'page.html']).status).toBe(0);
    const page = fs.readFileSync(path.join(work, 'page.html'), 'utf8');
    expect(page).toMatch(/winnow select semdedup .*--eps 0\.001.* then top --pass 50% .*then random --budget 5/);
  });

  it('selects from an earlier selection, with lists that are files, selections or ids', () => {
    fs.writeFileSync(
      path.join(work, 'keep.txt'),
      json<Selected>('select', 'top', '--column', 'score', '--budget', '3', '--dry-run').ids.join('\n'),
    );
    const made = json<Selected>(
      'select',
      'random',
      '--from',
      'piped',
      '--budget',
      '80%',
      '--always-keep',
      'keep.txt',
      '-n',
      'half',
    );
    expect(made.returned).toBe(4);
    const keep = fs.readFileSync(path.join(work, 'keep.txt'), 'utf8').split('\n');
    for (const id of keep) expect(made.ids).toContain(id);
    const rest = json<Selected>(
      'select',
      'random',
      '--budget',
      '400',
      '--never-keep',
      'half',
      '--never-keep',
      'dev-1572-0-0',
      '--dry-run',
    );
    expect(rest.ids.filter((id) => made.ids.includes(id) || id === 'dev-1572-0-0')).toEqual([]);
  });

  it('keeps to tokens and hours, and so do the random subsets beside it', () => {
    const made = json<Selected>(
      'select',
      'top',
      '--column',
      'score',
      '--budget',
      '20k tokens',
      '--tokens-column',
      'tokens',
      '--dry-run',
    );
    expect(made.composition.cost.spent).toBeLessThanOrEqual(20_000);
    expect(made.composition.cost.spent).toBeGreaterThan(19_300);
    const hours = json<Selected>(
      'select',
      'random',
      '--budget',
      '0.002 gpu-hours',
      '--train-tuning',
      'qlora',
      '--dry-run',
    );
    expect(hours.composition.cost.limit).toBe(Math.floor((0.002 * 3600 * 989e12 * 0.15) / (4 * 7e9)));
  });
});

describe('what people mistype', () => {
  it.each([
    [['select', 'semdedup', '--budgett', '3', 'then', 'random', '--budget', '3'], 'USAGE'],
    [['select', 'semdedup', 'then', 'randum', '--budget', '3'], 'USAGE'],
    [['select', 'randum', 'then', 'random', '--budget', '3'], 'METHOD_UNKNOWN'],
    [['select', 'random', '--name', 'x', 'then', 'random', '--budget', '3'], 'USAGE'],
    [['select', 'random', 'then'], 'USAGE'],
    [['select', 'random', '--budget', '3', '--train-gpu', 'abacus'], 'USAGE'],
    [['select', 'random', '--budget', '3', '--train-gpu', 'a100'], 'USAGE'],
    [['select', 'random', '--pass', '0%', 'then', 'random', '--budget', '3'], 'BUDGET_INVALID'],
    [['signals'], 'USAGE'],
  ])('%j is %s', (args, code) => {
    const before = fs.readdirSync(path.join(work, '.winnow', 'selections'));
    expect(failed(...args)).toEqual([2, code]);
    expect(fs.readdirSync(path.join(work, '.winnow', 'selections'))).toEqual(before);
  });
});
