import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

/** The whole job through the built command line, as a person or a script meets it. */
const ROOT = path.resolve(import.meta.dirname, '..');
const BIN = path.join(ROOT, 'bin/winnow.js');
const NO_NETWORK = { ...process.env, HF_HUB_OFFLINE: '1' };
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let work = '';

beforeAll(async () => {
  const built = spawnSync(path.join(ROOT, 'winnow'), ['--version'], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(built.stderr);
  work = fs.mkdtempSync(path.join(os.tmpdir(), 'winnow e2e é-'));
  await sample(path.join(work, 'data'), 24);
}, 300_000);
afterAll(() => fs.rmSync(work, { recursive: true, force: true }));

/**
 * `data.json` of so many rows over four images; every eighth row has no image, row 5 names a file that is not there.
 */
async function sample(folder: string, rows: number): Promise<void> {
  fs.mkdirSync(path.join(folder, 'images'), { recursive: true });
  for (let i = 0; i < 4; i++) {
    const background = { r: 60 * i, g: 120, b: 200 - 40 * i };
    const image = sharp({ create: { width: 64, height: 64, channels: 3, background } });
    await image.png().toFile(path.join(folder, 'images', `bild ${i}.png`));
  }
  const records = Array.from({ length: rows }, (_, i) => ({
    id: `s-${i}`,
    source: i % 3 === 0 ? 'a' : 'b',
    image: i % 8 === 7 ? undefined : i === 5 ? 'gone.png' : `bild ${i % 4}.png`,
    conversations: [
      { from: 'human', value: `${i % 8 === 7 ? '' : '<image>\n'}Which colour is number ${i}?` },
      { from: 'gpt', value: i % 2 === 0 ? 'Blue.' : 'It is green.' },
    ],
  }));
  fs.writeFileSync(path.join(folder, 'data.json'), JSON.stringify(records));
}

interface Ran {
  status: number | null;
  stdout: string;
  stderr: string;
}

function winnow(cwd: string, ...args: string[]): Ran {
  return spawnSync(process.execPath, [BIN, ...args], { cwd, encoding: 'utf8', env: NO_NETWORK, timeout: 300_000 });
}

/** Runs with `--json` and expects one document and silence beside it. */
function json<T = Record<string, unknown>>(cwd: string, ...args: string[]): T {
  const { status, stdout, stderr } = winnow(cwd, ...args, '--json', '--quiet');
  expect({ status, stderr, args }).toEqual({ status: 0, stderr: '', args });
  return JSON.parse(stdout) as T;
}

function newFolder(name: string): string {
  const folder = path.join(work, name);
  fs.mkdirSync(folder, { recursive: true });
  return folder;
}

/** A project over the sample data, scored by nothing yet. */
function project(name: string): string {
  const folder = newFolder(name);
  json(folder, 'import', path.join(work, 'data', 'data.json'), '--images', path.join(work, 'data', 'images'));
  return folder;
}

function tree(folder: string): string[] {
  return (fs.readdirSync(folder, { recursive: true }) as string[]).sort();
}

function signalFiles(folder: string): Record<string, string> {
  const at = path.join(folder, '.winnow', 'signals', 'loss');
  if (!fs.existsSync(at)) return {};
  const files = fs.readdirSync(at).filter((file) => file.endsWith('.parquet') && !file.startsWith('.'));
  const hash = (file: string) =>
    createHash('sha256')
      .update(fs.readFileSync(path.join(at, file)))
      .digest('hex');
  return Object.fromEntries(files.map((file) => [file, hash(file)]));
}

describe('the whole job', () => {
  it('gives one JSON document a step, and re-does nothing', () => {
    const folder = project('job');
    const dry = json<{ rowsMissing: number }>(folder, 'score', 'loss', '--per-token', '--dry-run');
    expect(dry.rowsMissing).toBe(24);
    expect(signalFiles(folder)).toEqual({});
    const scored = json<{ rowsComputed: number; quarantined: { id: string }[] }>(
      folder,
      'score',
      'loss',
      '--per-token',
    );
    expect(scored.rowsComputed).toBe(24);
    expect(scored.quarantined.map(({ id }) => id)).toEqual(['s-5']);
    expect(json(folder, 'score', 'loss', '--per-token')).toMatchObject({ rowsComputed: 0, rowsMissing: 0 });
    const chosen = json<{ ids: string[]; statistics: { random: { seeds: number }[] } }>(
      folder,
      ...['select', 'visnec', '--budget', '25%', '--k', '3'],
    );
    expect(chosen).toMatchObject({ name: 'visnec-k3-25%-s42', requested: 6, saved: true });
    expect(chosen.statistics.random.map(({ seeds }) => seeds)).toEqual([20, 20]);
    const explained = json<{ kept: boolean; selection: string }>(folder, 'explain', chosen.ids[0]!);
    expect(explained).toMatchObject({ kept: true, selection: 'visnec-k3-25%-s42' });
    const out = path.join(folder, 'aus gabe');
    const written = json<{ rows: number; files: string[] }>(folder, 'export', '--format', 'sharegpt', '-o', out);
    expect(written.rows).toBe(chosen.ids.length);
    const rows = JSON.parse(fs.readFileSync(written.files[0]!, 'utf8')) as { id: string; images: string[] }[];
    expect(rows.map(({ id }) => id)).toEqual(chosen.ids);
    for (const image of rows.flatMap(({ images }) => images)) expect(fs.existsSync(path.join(out, image))).toBe(true);
    const { file, sizeBytes } = json<{ file: string; sizeBytes: number }>(folder, 'report');
    expect(fs.statSync(file).size).toBe(sizeBytes);
    const status = json<{ datasets: { signals: unknown[] }[]; selections: { current: boolean }[] }>(folder, 'status');
    expect(status.datasets[0]!.signals).toHaveLength(2);
    expect(status.selections).toMatchObject([{ name: 'visnec-k3-25%-s42', current: true }]);
  });

  it('goes on after an interruption, to the same bytes', async () => {
    await sample(path.join(work, 'long'), 700);
    const start = (name: string): string => {
      const folder = newFolder(name);
      json(folder, 'import', path.join(work, 'long', 'data.json'), '--images', path.join(work, 'long', 'images'));
      return folder;
    };
    const folder = start('interrupted');
    const child = spawn(process.execPath, [BIN, 'score', 'loss'], { cwd: folder, env: NO_NETWORK, stdio: 'ignore' });
    await whenShardIsWritten(folder, child);
    child.kill('SIGINT');
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect(code).toBe(130);
    const before = signalFiles(folder);
    const { rowsComputed } = json<{ rowsComputed: number }>(folder, 'score', 'loss');
    expect(rowsComputed).toBe(700 - 512 * Object.keys(before).length);
    const whole = start('whole');
    json(whole, 'score', 'loss');
    expect(signalFiles(folder)).toEqual(signalFiles(whole));
    expect(signalFiles(folder)).toMatchObject(before);
  }, 400_000);
});

async function whenShardIsWritten(folder: string, child: ChildProcess): Promise<void> {
  while (Object.keys(signalFiles(folder)).length === 0) {
    if (child.exitCode !== null) throw new Error('it ended before the first shard');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('misuse is refused with what to do', () => {
  let folder = '';
  beforeAll(() => {
    folder = project('misuse');
    json(folder, 'select', 'random', '-b', '4', '--name', 'four');
  });

  it.each([
    [2, ['scroe'], /There is no command "scroe".*\n.*Did you mean "score"\?/],
    [2, ['score', 'los'], /Did you mean "loss" or "loss-trajectory"\? See: winnow score --help/],
    [2, ['select', 'visnek', '-b', '3'], /Did you mean "visnec"\? See: winnow select --help/],
    [2, ['score', 'loss', '--blnd', 'drop'], /has no option "--blnd".*\n.*Did you mean "--blind"\?/],
    [2, ['score', 'loss', '--blind', 'foo'], /blind.*masked.*drop.*remove/],
    [2, ['score', 'loss', '--model', 'nowhere'], /micro-vlm/],
    [1, ['score', 'loss', '--model', 'nobody/nothing'], /not on this machine/],
    [2, ['score', 'loss', '--dataset', 'other'], /It has data/],
    [2, ['select', 'random', '--budget', '0.15'], /Did you mean 15%\?/],
    [2, ['select', 'random', '--budget', '0'], /keeps no sample/],
    [2, ['select', 'random', '--budget', '120%'], /at most 100%/],
    [2, ['select', 'random', '--budget', '-5'], /count of samples/],
    [2, ['select', 'random'], /--budget 15%/],
    [2, ['select', 'random', '-b', '3', '--seed', 'abc'], /--seed .*got "abc"/],
    [2, ['select', 'random', '-b', '3', '--seed', '-1'], /--seed .*got "-1"/],
    [2, ['select', 'random', '-b', '3', '--name', '../x'], /letters, digits/],
    [2, ['select', 'random', '-b', '3', '--stratify', 'colour'], /none, source/],
    [2, ['select', 'visnec', '-b', '3', '--k', 'x'], /--k takes a number, got "x"/],
    [2, ['select', 'visnec', '-b', '3', '--blind', 'foo'], /masked, drop, remove/],
    [1, ['select', 'visnec', '-b', '3'], /winnow score loss/],
    [1, ['select', 'top', '-b', '3', '--column', 'clip_score'], /winnow score clip-score/],
    [2, ['explain', 's-1', '--selection', 'fuor'], /Did you mean "four"\? The project has four\./],
    [2, ['explain', 's-111'], /Did you mean "s-11"/],
    [2, ['explain', 's-1', '-k', '-1'], /--neighbours .*got "-1"/],
    [2, ['explain'], /winnow explain needs the argument <id>\./],
    [2, ['export', 'fuor'], /Did you mean "four"\? The project has four\./],
    [2, ['export', 'four', '--format', 'excel'], /llava, sharegpt, alpaca, trl/],
    [2, ['export', 'four', '--images', 'move'], /keep, link, copy, embed/],
    [1, ['export', 'four', '--format', 'folder'], /--lossy/],
    [2, ['report', 'four', '--truth', 'nowhere.json'], /truth/i],
    [2, ['import', 'nowhere.json'], /Check the path/],
    [2, ['import', '.', '--format', 'csv'], /llava, sharegpt, alpaca, trl/],
    [2, ['models', 'nowhere'], /micro-vlm/],
  ] as const)('%i for %j', (status, args, said) => {
    const ran = winnow(folder, ...args);
    expect(ran).toMatchObject({ status, stdout: '' });
    expect(ran.stderr).toMatch(said);
    expect(ran.stderr).toMatch(/^winnow: .* \[[A-Z_]+\]/);
    expect(ran.stderr).not.toMatch(/\n\s+at .*:\d+:\d+/);
  });

  it('and as one JSON document when asked', () => {
    const { status, stdout, stderr } = winnow(folder, 'select', 'random', '--budget', '0.15', '--json');
    expect({ status, stderr }).toEqual({ status: 2, stderr: '' });
    expect(JSON.parse(stdout).error).toMatchObject({ code: 'BUDGET_INVALID', hint: 'Did you mean 15%?' });
  });

  it('and leaves the project as it was', () => {
    expect(tree(path.join(folder, '.winnow', 'selections')).filter((name) => name.endsWith('.json'))).toEqual([
      'four.json',
    ]);
    expect(fs.existsSync(path.join(folder, 'export'))).toBe(false);
  });
});

describe('a folder without a project', () => {
  it.each([
    [['status'], /winnow import FILE/],
    [['score', 'loss'], /winnow import FILE/],
    [['explain', 'x'], /winnow import FILE/],
    [['report'], /winnow import FILE/],
  ] as const)('%j says what to do first', (args, said) => {
    const folder = newFolder('empty');
    const ran = winnow(folder, ...args);
    expect(ran.status).toBe(2);
    expect(ran.stderr).toMatch(said);
    expect(tree(folder)).toEqual([]);
  });

  it.each([
    ['cut.json', '[{"id": 1, "conv', /FILE_TRUNCATED|NOT_JSON|FORMAT_UNKNOWN/],
    ['empty.json', '', /FILE_EMPTY/],
    ['none.json', '[]', /\[[A-Z_]+\]/],
    ['odd.json', '[{"a": 1}]', /FORMAT_UNKNOWN/],
    ['text.json', 'hello', /\[[A-Z_]+\]/],
  ])('is not made one by %s', (name, content, said) => {
    const folder = newFolder(`bad ${name}`);
    fs.writeFileSync(path.join(folder, name), content);
    const ran = winnow(folder, 'import', name);
    expect(ran.status).toBeGreaterThan(0);
    expect(ran.stderr).toMatch(said);
    expect(tree(folder)).toEqual([name]);
  });

  it('stays untouched by a dry import', () => {
    const folder = newFolder('dry');
    const found = json(
      folder,
      'import',
      path.join(work, 'data', 'data.json'),
      '--images',
      path.join(work, 'data', 'images'),
      '--dry-run',
    );
    expect(found).toMatchObject({ rows: 24, format: 'llava', saved: false });
    expect(tree(folder)).toEqual([]);
  });
});

it('says at the import that the media root is wrong', () => {
  const folder = newFolder('wrong root');
  const ran = winnow(folder, 'import', path.join(work, 'data', 'data.json'), '--images', work);
  expect(ran.status).toBe(0);
  expect(ran.stdout).toMatch(
    /18 of the first 18 images can't be had: There is no file "bild 0.png" under the media root\./,
  );
  const right = json(
    newFolder('right root'),
    'import',
    path.join(work, 'data', 'data.json'),
    '--images',
    path.join(work, 'data', 'images'),
  );
  expect(right.looked).toEqual({ images: 18, missing: 1, because: expect.stringContaining('gone.png') });
});

it('says why a folder of images has no losses', () => {
  const folder = newFolder('pictures');
  json(folder, 'import', path.join(work, 'data', 'images'), '--name', 'pictures');
  const { status, stdout } = winnow(folder, 'score', 'loss', '--quiet');
  expect(status).toBe(1);
  expect(stdout).toMatch(/4 could not be scored/);
  expect(stdout).toMatch(/The sample has no assistant text/);
  const all = winnow(folder, 'score', 'all', '--for', 'top', '--quiet');
  expect(all.status).toBe(1);
  expect(all.stdout).toMatch(/Of 4 samples some or all could not be measured/);
  const { stderr } = winnow(folder, 'select', 'visnec', '-b', '2', '--quiet');
  expect(stderr).not.toMatch(/INTERNAL/);
});

describe('help', () => {
  it.each([[[]], [['help']], [['--help']]])('of %j lists every verb', (args) => {
    const { status, stdout } = winnow(work, ...args);
    expect(status).toBe(0);
    for (const verb of ['demo', 'import', 'score', 'select', 'explain', 'export', 'report', 'status', 'models'])
      expect(stdout).toMatch(new RegExp(`^ {2}${verb} `, 'm'));
  });

  it.each([
    [
      ['score', 'loss'],
      ['--blind <list>', 'masked,drop,remove', '--per-token', 'nats|loss', '--dry-run', '--project'],
    ],
    [
      ['select', 'visnec'],
      ['--budget', '15%', '--k <value>', 'default: 20', 'default: 0.05', 'arXiv 2603.01195'],
    ],
  ])('of %j names options with their defaults', (args, parts) => {
    const { status, stdout } = winnow(work, ...args, '--help');
    expect(status).toBe(0);
    for (const part of parts) expect(stdout.replace(/\s+/g, ' ')).toMatch(new RegExp(part));
  });
});
