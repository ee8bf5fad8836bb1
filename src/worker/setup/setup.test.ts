import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { userDataFolder } from '../../base/files/data-folder.ts';
import { packageRoot } from '../../base/files/package-root.ts';
import { findPython } from '../python.ts';
import { runStep } from './installer.ts';
import { readLock } from './lock.ts';
import { noteFile, planSetup } from './plan.ts';

const PYTHON = join(
  packageRoot(),
  'worker',
  '.venv',
  process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python',
);
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'winnow-setup-test-'));
  vi.stubEnv('XDG_DATA_HOME', folder);
  vi.stubEnv('WINNOW_PYTHON', '');
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

it('keeps data where each system does', () => {
  expect(userDataFolder({ HOME: '/h' }, 'linux')).toBe('/h/.local/share/winnow');
  expect(userDataFolder({ HOME: '/h' }, 'darwin')).toBe('/h/Library/Application Support/winnow');
  expect(userDataFolder({ HOME: '/h', LOCALAPPDATA: '/h/Local' }, 'win32')).toBe(join('/h/Local', 'winnow'));
  expect(userDataFolder({ HOME: '/h', XDG_DATA_HOME: '/data' }, 'linux')).toBe('/data/winnow');
});

it('locks what the worker imports, in the versions of the tests, with hashes', () => {
  const lock = readLock();
  const tested = readFileSync(join(packageRoot(), 'worker', 'requirements-test.txt'), 'utf8');
  const project = readFileSync(join(packageRoot(), 'worker', 'pyproject.toml'), 'utf8');
  const direct = [...(/^dependencies = \[([^\]]*)\]/m.exec(project)?.[1] ?? '').matchAll(/"([\w-]+)/g)].map(
    ([, n]) => n,
  );
  const all = [...lock.base, lock.torch, ...lock.cuda];
  for (const name of direct) {
    expect(tested).toContain(`\n${name}==${all.find((one) => one.name === name)?.version}\n`);
  }
  for (const { hashes } of all) expect(hashes.length).toBeGreaterThan(0);
  expect(lock.cuda.length).toBeGreaterThan(5);
  expect(lock.base.some(({ name }) => /^(nvidia|cuda|triton)/.test(name))).toBe(false);
});

it('tells a missing, an unfinished and a broken environment apart', () => {
  const { environment, state } = planSetup({ cpu: true });
  expect(state).toBe('missing');
  expect(environment).toBe(join(folder, 'winnow', 'worker'));
  mkdirSync(environment, { recursive: true });
  writeFileSync(noteFile(environment), JSON.stringify({ lock: 'x', build: 'cpu', finished: false }));
  expect(planSetup({ cpu: true }).state).toBe('unfinished');
  writeFileSync(noteFile(environment), JSON.stringify({ lock: 'x', build: 'cpu', finished: true }));
  expect(planSetup({ cpu: true }).state).toBe('repair');
});

it.each([
  [{ cuda: '12.8' }, 'cu128'],
  [{ cpu: true }, 'cpu'],
  [{ cuda: true as const }, 'default'],
])('takes %j for the build %s', (request, build) => {
  expect(planSetup(request).build).toBe(build);
});

it('refuses what it can not take', () => {
  expect(() => planSetup({ cpu: true, cuda: true })).toThrow(/two builds/);
  expect(() => planSetup({ cuda: 'twelve' })).toThrow(/got "twelve"/);
  expect(() => planSetup({ python: '/nowhere/python' })).toThrow(/3\.11 or newer/);
});

it('names the command where the worker is missing, and what WINNOW_PYTHON is', () => {
  vi.stubEnv('WINNOW_PYTHON', '/nowhere/python');
  expect(() => findPython()).toThrow(
    expect.objectContaining({ code: 'WORKER_MISSING', message: expect.stringContaining('/nowhere/python') }),
  );
  expect(() => findPython()).toThrow(expect.objectContaining({ hint: expect.stringContaining('winnow setup worker') }));
});

it.runIf(spawnSync(PYTHON, ['--version']).status === 0)('refuses a package whose hash is another', async () => {
  const wheel = join(folder, 'one-1.0-py3-none-any.whl');
  const make = `
import zipfile
with zipfile.ZipFile(${JSON.stringify(wheel)}, 'w') as z:
    z.writestr('one.py', '')
    z.writestr('one-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: one\\nVersion: 1.0\\n')
    z.writestr('one-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    z.writestr('one-1.0.dist-info/RECORD', '')`;
  await runStep(PYTHON, ['-c', make]);
  const requirements = join(folder, 'requirements.txt');
  writeFileSync(requirements, `one==1.0 --hash=sha256:${'0'.repeat(64)}\n`);
  const args = ['-m', 'pip', 'install', '--target', join(folder, 'there'), '--no-index', '--find-links', folder];
  await expect(runStep(PYTHON, [...args, '--require-hashes', '-r', requirements])).rejects.toMatchObject({
    code: 'HASH_MISMATCH',
  });
});
