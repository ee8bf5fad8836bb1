import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VERBS } from './commands/registry.ts';
import { buildHelpIndex } from './help/build-index.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const LAUNCHER = path.join(ROOT, 'winnow');
let folder = '';

beforeAll(() => {
  spawnSync(LAUNCHER, ['--version']);
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'winnow-help-'));
  fs.writeFileSync(
    path.join(folder, 'winnow.yaml'),
    'version: 1\ndatasets:\n  - { name: kites, path: a.json }\n  - { name: birds, path: b.json }\ndefaults: {}\n',
  );
  fs.writeFileSync(
    path.join(folder, 'a.json'),
    JSON.stringify([
      {
        id: '1',
        conversations: [
          { from: 'human', value: 'a' },
          { from: 'gpt', value: 'b' },
        ],
      },
    ]),
  );
  fs.mkdirSync(path.join(folder, '.winnow/selections'), { recursive: true });
  fs.writeFileSync(path.join(folder, '.winnow/selections/visnec-15%-s42.json'), '{}');
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

function winnow(
  args: readonly string[],
  env: Record<string, string> = {},
): { status: number; out: string; err: string } {
  const { NO_COLOR: _, FORCE_COLOR: __, COLUMNS: ___, ...clean } = process.env;
  const done = spawnSync(process.execPath, [LAUNCHER, ...args], {
    encoding: 'utf8',
    cwd: folder,
    env: { ...clean, ...env },
  });
  return { status: done.status ?? -1, out: done.stdout, err: done.stderr };
}

describe('help', () => {
  it('groups the verbs', () => {
    const { out } = winnow(['--help']);
    const headings = [...out.matchAll(/^([A-Z][a-z]+):$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual(['Options', 'Data', 'Measure', 'Choose', 'Train', 'Look', 'Project']);
  });

  it('is that of the verbs as they are', async () => {
    const built = JSON.parse(fs.readFileSync(path.join(ROOT, 'dist/cli/help.json'), 'utf8'));
    expect(built).toEqual(JSON.parse(JSON.stringify(await buildHelpIndex(VERBS))));
  });

  it.each([
    [['help', 'select', 'visnec'], '--threshold'],
    [['select', 'visnec', '--help'], '--threshold'],
    [['help', 'signals', 'import'], '--id-column'],
    [['help', 'doctor'], '--against'],
    [['-C', 'somewhere', 'help', 'select'], 'semdedup'],
  ])('of %j names %s', (args, word) => {
    const { status, out } = winnow(args);
    expect(status).toBe(0);
    expect(out).toContain(word);
  });

  it('keeps to the width that it is given, and cuts nothing', () => {
    for (const columns of [40, 60, 100]) {
      const { out } = winnow(['help', 'select', 'visnec'], { COLUMNS: String(columns) });
      const wide = out.split('\n').filter((line) => line.length > columns && /\S {2,}\S.* |^\S.* /.test(line));
      expect(wide).toEqual([]);
      expect(out.replaceAll(/\s+/g, ' ')).toContain('the published code, max(1, floor(r |C|)) a cluster by mini-batch');
    }
  });

  it('is coloured where that is asked for', () => {
    const sequence = String.fromCharCode(27);
    expect(winnow(['--help']).out).not.toContain(sequence);
    expect(winnow(['--help'], { FORCE_COLOR: '1' }).out).toContain(sequence);
    expect(winnow(['--help'], { FORCE_COLOR: '1', NO_COLOR: '1' }).out).not.toContain(sequence);
    expect(winnow(['shwo'], { FORCE_COLOR: '1' }).err).toContain(sequence);
    expect(winnow(['shwo']).err).not.toContain(sequence);
  });
});

it.each([
  [['selct'], 'select'],
  [['select', 'visnek', '-b', '15%'], 'visnec'],
  [['score', 'los'], 'loss'],
  [['score', 'loss', '--blnd', 'masked'], '--blind'],
  [['score', 'loss', '--blind', 'masked,droop'], 'drop'],
  [['export', '--images', 'lnk'], 'link'],
  [['signals', 'improt', 'a'], 'import'],
  [['doctor', 'a.json', '--format', 'lava'], 'llava'],
  [['doctor', 'a.json', '--target', 'qwen3vl'], 'qwen3-vl'],
  [['show', 'x', '--dataset', 'kite'], 'kites'],
  [['report', 'visnec-15-s42'], 'visnec-15%-s42'],
])('%j suggests %s', (args, word) => {
  const { status, err } = winnow(args);
  expect(err).toContain(`Did you mean "${word}"`);
  expect(status).toBe(2);
});

describe.runIf(spawnSync('bash', ['--version']).status === 0)('bash completion', () => {
  /** Runs bash's own function on a line with the cursor at its end. */
  function complete(line: string): string[] {
    const script = `
      winnow() { "${process.execPath}" "${LAUNCHER}" "$@"; }
      eval "$(winnow completion bash)"
      COMP_LINE=$1 COMP_POINT=\${#1}
      _winnow
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = spawnSync('bash', ['-c', script, 'bash', line], { encoding: 'utf8', cwd: folder });
    return stdout.split('\n').filter((word) => word !== '');
  }

  it.each([
    ['winnow se', ['select', 'setup']],
    ['winnow help sel', ['select']],
    ['winnow help select vis', ['visnec']],
    ['winnow select vis', ['visnec']],
    ['winnow select visnec --thr', ['--threshold']],
    ['winnow select visnec --variant ', ['paper', 'official']],
    ['winnow select semdedup --eps 0.1 then visn', ['visnec']],
    ['winnow score text-e', ['text-embedding']],
    ['winnow convert a b --to ll', ['llava']],
    ['winnow convert a b --to=llav', ['llava']],
    ['winnow doctor --only D101,D10', expect.arrayContaining(['D101,D102'])],
    ['winnow doctor --target qwen3', ['qwen3-vl']],
    ['winnow score loss --dataset ', ['kites', 'birds']],
    ['winnow report visn', ['visnec-15%-s42']],
    ['winnow completion ', ['bash', 'zsh', 'fish']],
    ['winnow --js', ['--json']],
    ['winnow import ', []],
  ])('of %j is %j', (line, expected) => {
    expect(complete(line)).toEqual(expected);
  });
});
