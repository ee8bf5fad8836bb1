#!/usr/bin/env node
// The worker's tests of signals and training with an older transformers: `npm run test:transformers` (4.57), or
// `-- 4.57.3`. Its environment in .setup/ holds that version and what it wants in other versions; all else is
// worker/.venv's.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const TESTS = ['families', 'features', 'gradients', 'jobs', 'training'].map((name) => `tests/test_${name}.py`);
const wanted = process.argv[2] ?? '4.57.*';
const folder = path.join(ROOT, '.setup', `transformers-${wanted.replace('.*', '')}`);

const pythonOf = (venv) => path.join(venv, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');

/** Runs a command to its end and shows what it says. A failure ends this script with the command's code. */
function run(command, args, cwd = ROOT) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  if (error) process.stderr.write(`${command} could not be started: ${error.message}\n`);
  if (status !== 0) process.exit(status ?? 1);
}

function makeEnvironment() {
  const site = 'import sysconfig; print(sysconfig.get_paths()["purelib"])';
  const siteOf = (venv) => spawnSync(pythonOf(venv), ['-c', site], { encoding: 'utf8' }).stdout.trim();
  fs.rmSync(folder, { recursive: true, force: true });
  run(pythonOf(path.join(ROOT, 'worker', '.venv')), ['-m', 'venv', folder]);
  fs.writeFileSync(path.join(siteOf(folder), 'worker.pth'), `${siteOf(path.join(ROOT, 'worker', '.venv'))}\n`);
  run(pythonOf(folder), ['-m', 'pip', 'install', '--quiet', `transformers==${wanted}`]);
  fs.writeFileSync(path.join(folder, 'complete'), '');
}

run(process.execPath, ['scripts/setup.mjs', 'python']);
if (!fs.existsSync(path.join(folder, 'complete'))) makeEnvironment();
run(pythonOf(folder), ['-c', 'import transformers; print("transformers", transformers.__version__)']);
run(pythonOf(folder), ['-m', 'pytest', '-q', ...TESTS], path.join(ROOT, 'worker'));
