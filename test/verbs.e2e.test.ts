import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

/* The verbs over files and projects through the built command line, with the wrong things that people type. */
const ROOT = path.resolve(import.meta.dirname, '..');
const BIN = path.join(ROOT, 'bin/winnow.js');
const DATA = path.join(ROOT, 'examples/nlvr/nlvr.json');
vi.setConfig({ testTimeout: 120_000, hookTimeout: 240_000 });

let work = '';
beforeAll(() => {
  const built = spawnSync(path.join(ROOT, 'winnow'), ['--version'], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(built.stderr);
  work = fs.mkdtempSync(path.join(os.tmpdir(), 'winnow verbs é-'));
});
afterAll(() => fs.rmSync(work, { recursive: true, force: true }));

interface Ran {
  status: number | null;
  stdout: string;
  stderr: string;
}

function winnow(args: string[], input?: string): Ran {
  const options = { cwd: work, encoding: 'utf8', timeout: 100_000, maxBuffer: 1 << 26 } as const;
  return spawnSync(process.execPath, [BIN, ...args], input === undefined ? options : { ...options, input });
}

function json<T = Record<string, unknown>>(...args: string[]): T {
  const { status, stdout, stderr } = winnow([...args, '--json', '--quiet']);
  expect({ status, stderr, args }).toEqual({ status: 0, stderr: '', args });
  return JSON.parse(stdout) as T;
}

/** Exit code and error code of a command that must fail, and that nothing was written by it. */
function failed(...args: string[]): [number | null, string] {
  const before = fs.readdirSync(work).sort();
  const { status, stdout } = winnow([...args, '--json']);
  expect(fs.readdirSync(work).sort(), args.join(' ')).toEqual(before);
  return [status, (JSON.parse(stdout) as { error: { code: string } }).error.code];
}

describe('files to files', () => {
  it('convert, also through pipes', () => {
    expect(json('convert', DATA, 'trl.jsonl', '--to', 'trl', '--media', 'keep')).toMatchObject({
      from: 'llava',
      format: 'trl',
      rows: 480,
      lost: [],
    });
    const written = fs.readFileSync(path.join(work, 'trl.jsonl'), 'utf8');
    const piped = winnow(['convert', '-', '-', '--to', 'trl'], fs.readFileSync(DATA, 'utf8'));
    expect(piped.status).toBe(0);
    expect(piped.stderr).toContain('Wrote 480 rows');
    expect(piped.stdout).toBe(written);
  });

  it('say what is wrong with what people type', () => {
    expect(failed('convert', 'nope.json', 'x.json')).toEqual([2, 'NOT_FOUND']);
    expect(failed('convert', DATA, 'x.json', '--to', 'lava')).toEqual([2, 'FORMAT_UNKNOWN']);
    expect(failed('convert', DATA, 'x.unknown')).toEqual([2, 'FORMAT_UNSAID']);
    expect(failed('convert', DATA, DATA, '--force')).toEqual([2, 'OUTPUT_IS_INPUT']);
    expect(failed('convert', DATA, 'trl.jsonl')).toEqual([2, 'OUTPUT_EXISTS']);
    expect(failed('convert', DATA, '-')).toEqual([2, 'USAGE']);
    expect(failed('convert', DATA, 'x.json', '--images', 'nowhere')).toEqual([2, 'MEDIA_ROOT_MISSING']);
    expect(failed('convert', DATA, 'x.json', '--fetch-timeout', '3')).toEqual([2, 'USAGE']);
    expect(failed('convert', DATA, 'x.json', '--fetch', '--fetch-max-bytes', 'lots')).toEqual([2, 'OPTION_INVALID']);
    expect(failed('split', DATA, '--out', 'p', '--parts', 'train=0.9')).toEqual([2, 'PARTS_INVALID']);
    expect(failed('split', DATA, '--out', 'p', '--parts', 'train:0.9,test:0.1')).toEqual([2, 'PARTS_INVALID']);
    expect(failed('split', DATA, '--out', 'p', '--parts', 'a=0.5,a=0.5')).toEqual([2, 'PARTS_INVALID']);
    expect(failed('split', DATA, '--out', 'p', '--parts', 'a=0.5,b=0.5', '--seed', 'x')).toEqual([2, 'OPTION_INVALID']);
    expect(failed('merge', DATA)).toEqual([2, 'USAGE']);
    expect(failed('merge', DATA, DATA, '-o', 'm.json', '-i', 'a', '-i', 'b', '-i', 'c')).toEqual([2, 'OPTION_INVALID']);
    expect(failed('filter', 'nothing > 3', DATA, '-o', 'f.json')).toEqual([2, 'SQL_FAILED']);
    expect(failed('filter', '1=1); DROP TABLE samples; --', DATA, '-o', 'f.json')).toEqual([2, 'SQL_FAILED']);
    expect(failed('filter', 'SELECT turns FROM samples', DATA, '-o', 'f.json')).toEqual([2, 'FILTER_COLUMNS']);
    expect(failed('filter', 'turns > 99', DATA, '-o', 'f.json')).toEqual([1, 'FILTER_EMPTY']);
    expect(failed('filter', 'turns = 2', '-o', 'f.json')).toEqual([2, 'PROJECT_MISSING']);
    expect(failed('filter', 'turns = 2', '-o', 'f.json', '--from', 'llava')).toEqual([2, 'USAGE']);
  });

  it('split, merge back and filter lose nothing and double nothing', () => {
    const split = json<{ parts: { out: string; rows: number }[] }>(
      ...['split', DATA, '--parts', 'train=80%,val=10%,test=10%', '--out', 'parts', '--media', 'copy'],
    );
    expect(split.parts.map(({ rows }) => rows)).toEqual([384, 48, 48]);
    const files = split.parts.map(({ out }) => out);
    const merged = json('merge', ...files, files[0]!, '--out', 'all.json', '--dedupe', 'content');
    expect(merged).toMatchObject({ rows: 480, duplicates: 384, renamed: { count: 0 } });
    const ids = (file: string): string[] =>
      (JSON.parse(fs.readFileSync(file, 'utf8')) as { id: string }[]).map(({ id }) => id).sort();
    expect(ids(path.join(work, 'all.json'))).toEqual(ids(DATA));
    const dry = json('filter', "WHERE answer LIKE 'True%';", DATA, '-o', 'true.json', '--dry-run');
    expect(fs.existsSync(path.join(work, 'true.json'))).toBe(false);
    expect(json('filter', "answer LIKE 'True%'", DATA, '-o', 'true.json')).toMatchObject({ rows: dry.rows, of: 480 });
    const one = json('filter', 'SELECT id FROM samples WHERE row < 9 ORDER BY id DESC', DATA, '-o', 'nine.json');
    expect(one).toMatchObject({ rows: 9 });
  });
});

describe('a project', () => {
  const shards = (): string[] =>
    (fs.readdirSync(path.join(work, '.winnow/signals'), { recursive: true }) as string[])
      .filter((file) => file.endsWith('.parquet'))
      .sort();

  it('answers status, sql, show and filter', () => {
    fs.cpSync(path.dirname(DATA), path.join(work, 'data'), { recursive: true });
    json('import', 'data/nlvr.json');
    json('score', 'image-stats');
    json('score', 'text-embedding');
    json('select', 'top', '--column', 'image_sharpness', '--budget', '20');
    const status = json<{ datasets: object[]; sizes: { total: number }; missing: unknown[] }>('status');
    expect(status).toMatchObject({
      datasets: [{ name: 'nlvr', rows: 480, changed: false, signals: [{ rowsDone: 480 }, { rowsDone: 480 }] }],
      selections: [{ returned: 20, current: true, gone: 0 }],
      unreadable: [],
      missing: [],
    });
    expect(status.sizes.total).toBeGreaterThan(10_000);
    const query = 'SELECT count(*) AS n FROM scored WHERE image_sharpness > 400';
    const { rows } = json<{ rows: [string][] }>('sql', query);
    expect(json('filter', 'image_sharpness > 400', '-o', 'sharp.json')).toMatchObject({ rows: Number(rows[0]![0]) });
    expect(winnow(['sql', '--csv', "SELECT 'a,b' AS x, 1 AS y"]).stdout.trim()).toBe('x,y\r\n"a,b",1');
    expect(winnow(['sql', "SELECT chr(27) || '[31m' AS x"]).stdout).not.toContain('\u001b');
    const shown = json<{ signals: object; selections: object[] }>('show', 'dev-1572-0-0');
    expect(shown).toMatchObject({ row: 0, dataset: 'nlvr', media: [{ kind: 'image' }] });
    expect(Object.keys(shown.signals)).toEqual(['image-stats']);
    expect(shown.selections).toHaveLength(1);
  });

  it('refuses statements that change or read anything else', () => {
    for (const sql of [
      "COPY (SELECT 1) TO '.winnow/x.csv'",
      'DROP TABLE samples',
      'SELECT 1; SELECT 2',
      'INSTALL httpfs',
      "ATTACH 'x.db'",
      "EXPLAIN ANALYZE COPY (SELECT 1) TO '.winnow/x.csv'",
      "SELECT * FROM read_csv('/etc/passwd')",
      "SELECT * FROM glob('/etc/*')",
      "SELECT * FROM 'http://localhost/x.parquet'",
      'SELECT',
    ])
      expect(failed('sql', sql)[0], sql).toBe(2);
    expect(failed('show', 'nope')).toEqual([2, 'SAMPLE_UNKNOWN']);
    expect(failed('sql', '--csv', 'SELECT 1')).toEqual([2, 'USAGE']);
  });

  it('collects what a change of the data has left, and nothing that a selection was made from', () => {
    const file = path.join(work, 'data/nlvr.json');
    const rows = JSON.parse(fs.readFileSync(file, 'utf8')) as { conversations: { value: string }[] }[];
    rows[0]!.conversations[1]!.value = 'Changed.';
    fs.writeFileSync(file, JSON.stringify(rows.slice(0, 470)));
    const before = shards();
    expect(before).toHaveLength(2);
    const status = json<{ missing: { command: string }[] }>('status');
    expect(status).toMatchObject({ datasets: [{ changed: true }], selections: [{ current: false }] });
    expect(status.missing.map(({ command }) => command)).toContain('winnow score image-stats');
    const doomed = (): string[] =>
      json<{ garbage: { path: string; kind: string }[] }>('gc', '--dry-run')
        .garbage.filter(({ kind }) => kind === 'shard')
        .map(({ path: at }) => at.replace(/^signals\//, ''));
    // Until the rows are measured again, what equal rows have is taken from these.
    expect(doomed()).toEqual([]);
    json('score', 'text-embedding');
    const old = before.filter((at) => at.startsWith('text-embedding'));
    expect(doomed()).toEqual(old);
    const all = shards();
    expect(all).toEqual(expect.arrayContaining(before));
    expect(json('gc')).toMatchObject({ removed: true });
    expect(shards()).toEqual(all.filter((at) => !old.includes(at)));
    expect(json<{ garbage: object[] }>('gc').garbage).toEqual([]);
    json('score', 'image-stats');
    fs.rmSync(file);
    expect(json('status')).toMatchObject({
      datasets: [],
      unreadable: [{ name: 'nlvr', error: { code: 'NOT_FOUND' } }],
    });
    const kept = shards();
    expect(json('gc')).toMatchObject({ unreadable: ['nlvr'], garbage: [] });
    expect(shards()).toEqual(kept);
  });
});
