import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** A second command line over the built code, with verbs that do what each test needs. */
const ROOT = path.resolve(import.meta.dirname, '../..');
const BUILT = path.join(ROOT, 'dist/cli');
let folder = '';
let script = '';

beforeAll(() => {
  spawnSync(path.join(ROOT, 'winnow'), ['--version']);
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'winnow-cli-'));
  script = path.join(folder, 'verbs.mjs');
  fs.writeFileSync(
    script,
    `
import { main } from ${JSON.stringify(path.join(BUILT, 'main.js'))};
import { action, withDryRun } from ${JSON.stringify(path.join(BUILT, 'command.js'))};
import { Option } from ${JSON.stringify(path.join(ROOT, 'node_modules/commander/esm.mjs'))};
import { WinnowError } from ${JSON.stringify(path.join(ROOT, 'dist/base/errors.js'))};
const verbs = Object.entries({
  echo: (program, session) => withDryRun(program.command('echo').argument('<word>').option('--times <n>', 'how often', Number, 1).addOption(new Option('--case <how>', 'letters').choices(['upper', 'lower'])))
    .action(action(session, async (context, word, options) => {
      context.note('a remark');
      return {
        document: { word, project: context.project, json: context.json, dryRun: context.dryRun, times: options.times },
        text: Array(options.times).fill(word).join('\\n'),
      };
    })),
  verdict: (program, session) => program.command('verdict').action(action(session, async () => ({ document: {}, text: 'no', exitCode: 1 }))),
  fail: (program, session) => program.command('fail').action(action(session, async () => {
    throw new WinnowError({ code: 'ROW_BAD', message: 'The row has no image', where: { file: 'a.json', row: 3, id: 'x' }, hint: 'Remove it.' });
  })),
  crash: (program, session) => program.command('crash').action(action(session, async () => { null.x; })),
  reject: (program, session) => program.command('reject').action(action(session, async () => { Promise.reject(new Error('lost')); await new Promise((r) => setTimeout(r, 500)); })),
  read: (program, session) => program.command('read').argument('<file>').action(action(session, async (_c, file) => { const fs = await import('node:fs/promises'); await fs.readFile(file); })),
  wait: (program, session) => program.command('wait').action(action(session, (context) => new Promise((_, reject) => {
    process.stderr.write('ready');
    const keep = setInterval(() => {}, 1000);
    context.signal.addEventListener('abort', () => { clearInterval(keep); reject(context.signal.reason); });
  }))),
  deaf: (program, session) => program.command('deaf').action(action(session, () => new Promise(() => { process.stderr.write('ready'); setInterval(() => {}, 1000); }))),
  score: (program, session) => program.command('score').description('score').command('loss').action(action(session, async () => ({ document: {}, text: 'loss' }))),
}).map(([name, register]) => ({ name, group: 'Verbs:', summary: 'about ' + name, load: async () => register }));
process.exit(await main(process.argv.slice(2), verbs));
`,
  );
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [script, ...args], { encoding: 'utf8', cwd: folder });
}

it('lists every verb without loading it', () => {
  const { status, stdout } = run('--help');
  expect(status).toBe(0);
  expect(stdout).toMatch(/Verbs:\n +echo +about echo\n.*verdict +about verdict\n/);
  expect(run('help', 'echo').stdout).toMatch(/--times/);
});

describe('shared options', () => {
  it('are taken before and after the verb', () => {
    const expected = { word: 'hi', project: '/there', json: true, dryRun: true, times: 1 };
    for (const args of [
      ['-C', '/there', '--json', 'echo', 'hi', '--dry-run'],
      ['echo', 'hi', '--dry-run', '--json', '--project', '/there'],
    ]) {
      const { status, stdout } = run(...args);
      expect(status).toBe(0);
      expect(JSON.parse(stdout)).toEqual(expected);
    }
  });

  it('print the text for people, remarks on stderr, and nothing there when quiet', () => {
    expect(run('echo', 'hi')).toMatchObject({ status: 0, stdout: 'hi\n', stderr: 'a remark\n' });
    expect(run('echo', 'hi', '-q')).toMatchObject({ status: 0, stdout: 'hi\n', stderr: '' });
  });

  it('are shown in the help of every verb', () => {
    const { status, stdout } = run('echo', '--help');
    expect(status).toBe(0);
    expect(stdout).toMatch(/--dry-run/);
    expect(stdout).toMatch(/--json/);
    expect(stdout).toMatch(/--project/);
  });
});

describe('exit codes', () => {
  it.each([
    [0, ['--version'], ''],
    [0, [], ''],
    [1, ['verdict'], ''],
    [1, ['fail'], 'winnow: The row has no image [ROW_BAD]\n  at a.json, row 3, id "x"\n  Remove it.\n'],
    [2, ['echo'], 'winnow: winnow echo needs the argument <word>. [USAGE]\n  See: winnow echo --help\n'],
    [2, ['ecoh', 'x'], 'winnow: There is no command "ecoh". [USAGE]\n  Did you mean "echo"? See: winnow --help\n'],
    [
      2,
      ['score', 'los'],
      'winnow: There is no command "score los". [USAGE]\n  Did you mean "loss"? See: winnow score --help\n',
    ],
    [
      2,
      ['echo', 'x', '--tims', '2'],
      'winnow: winnow echo has no option "--tims". [USAGE]\n  Did you mean "--times"? See: winnow echo --help\n',
    ],
    [
      2,
      ['echo', 'x', '--case', 'uper'],
      'winnow: --case <how> takes upper, lower; got "uper". [USAGE]\n  Did you mean "upper"? See: winnow echo --help\n',
    ],
    [2, ['echo', 'x', '--times'], /The option --times <n> needs a value\./],
    [2, ['echo', 'x', 'y'], /winnow echo takes 1 argument, got 2\./],
    [2, ['score', 'loss', 'x'], /takes 0 arguments, got 1.*\n.*See: winnow score loss --help/],
    [2, ['score'], /Usage: winnow.* score/],
    [2, ['help', 'ecoh'], /Did you mean "echo"\?/],
    [2, ['ecoh', '--help'], /Did you mean "echo"\?/],
  ] as const)('%i for %j', (status, args, stderr) => {
    const result = run(...args);
    expect(result.status).toBe(status);
    expect(result.stderr).toEqual(typeof stderr === 'string' ? stderr : expect.stringMatching(stderr));
  });

  it('is 130 when interrupted, also when the work does not listen', async () => {
    for (const verb of ['wait', 'deaf']) {
      const child = spawn(process.execPath, [script, verb], { stdio: ['ignore', 'pipe', 'pipe'] });
      let said = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        if (said === '') child.kill('SIGINT');
        said += text;
      });
      const code = await new Promise((resolve) => child.on('close', resolve));
      expect(code).toBe(130);
      if (verb === 'wait') expect(said).toMatch(/Interrupted \[INTERRUPTED\]/);
    }
  });
});

describe('errors', () => {
  it('are one JSON document on stdout under --json, help and version too', () => {
    expect(JSON.parse(run('echo', '--help', '--json').stdout).help).toContain('--times');
    expect(JSON.parse(run('--version', '--json').stdout)).toEqual({ version: expect.stringMatching(/^\d/) });
    const { status, stdout, stderr } = run('fail', '--json');
    expect(status).toBe(1);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: 'ROW_BAD',
        message: 'The row has no image',
        where: { file: 'a.json', row: 3, id: 'x' },
        hint: 'Remove it.',
      },
    });
    expect(JSON.parse(run('ecoh', '--json').stdout).error).toMatchObject({ code: 'USAGE' });
    expect(JSON.parse(run('score', '--json').stdout).error.code).toBe('USAGE');
  });

  it('never show a stack unless asked to', () => {
    for (const verb of ['crash', 'reject', 'fail']) {
      const { status, stderr } = run(verb);
      expect(status).toBe(1);
      expect(stderr).toMatch(/^winnow: /);
      expect(stderr).not.toMatch(/\n\s+at .*:\d+:\d+/);
    }
    const debug = spawnSync(process.execPath, [script, 'crash'], {
      encoding: 'utf8',
      env: { ...process.env, WINNOW_DEBUG: '1' },
    });
    expect(debug.stderr).toMatch(/\n\s+at .*verbs\.mjs/);
  });

  it('of the operating system are said in words, with the file', () => {
    expect(run('read', '/nowhere/at/all').stderr).toBe(
      'winnow: No such file or folder [ENOENT]\n  at /nowhere/at/all\n  Check the path; a relative one counts from the folder you are in.\n',
    );
  });
});

describe('output', () => {
  it('survives a reader that leaves early, silently', () => {
    const piped = spawnSync(
      'sh',
      ['-c', `{ ${process.execPath} ${script} echo abcdefgh --times 200000 -q; echo "exit $?" >&2; } | head -1`],
      { encoding: 'utf8' },
    );
    expect(piped.stdout).toBe('abcdefgh\n');
    expect(piped.stderr).toBe('exit 0\n');
  });

  it('arrives whole through a pipe', () => {
    const { stdout } = spawnSync('sh', ['-c', `${process.execPath} ${script} echo abcdefgh --times 200000 | wc -l`], {
      encoding: 'utf8',
    });
    expect(stdout.trim()).toBe('200000');
  });

  it.runIf(fs.existsSync('/dev/full'))('that can not be written is a fault', () => {
    for (const args of ['echo hi', '--help']) {
      const { status, stderr } = spawnSync('sh', ['-c', `${process.execPath} ${script} ${args} > /dev/full`], {
        encoding: 'utf8',
      });
      expect(status).toBe(1);
      expect(stderr).toMatch(/There is no space left/);
    }
  });
});
