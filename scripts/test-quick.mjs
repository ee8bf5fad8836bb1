#!/usr/bin/env node
// Runs the tests beside what has changed against main (on main itself: since the last commit), in no more than a
// minute: `npm run test:quick`. It says what it runs, and what it leaves to `npm test`. Files named behind it stand for
// the changed ones: `npm run test:quick -- src/select/run.ts`.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { readTimes } from './test-times.mjs';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const PYTHON = path.join(ROOT, 'worker', '.venv', process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
const LIMIT_MS = 57_000;
/** Seconds of tests that fit, on two cores, and what a file takes of which no time is known. */
const BUDGET_S = 70;
const UNKNOWN_S = { ts: 3, py: 12 };
/** What stands for every member of a folder's kind: a change of one member runs it too. */
const CONTRACTS = {
  'src/dataset/formats/': ['src/dataset/formats/contract.test.ts'],
  'src/select/methods/': ['src/select/methods/contract.test.ts'],
  'src/signals/measured/': ['src/signals/contract.test.ts'],
  'src/worker/executor/': ['src/worker/executor/contract.test.ts'],
  'src/families/': ['worker/tests/test_families.py'],
  'worker/winnow_worker/families/': ['worker/tests/test_families.py'],
};

const git = (...args) => spawnSync('git', args, { cwd: ROOT, encoding: 'utf8' }).stdout.split('\n').filter(Boolean);
const files = git('ls-files', '--cached', '--others', '--exclude-standard').filter((file) =>
  fs.existsSync(path.join(ROOT, file)),
);
const isTest = (file) =>
  /\.test\.ts$/.test(file) ? !/\.long\.test\.ts$/.test(file) : /(^|\/)test_\w+\.py$/.test(file);
const tests = files.filter(isTest);
const read = (file) => fs.readFileSync(path.join(ROOT, file), 'utf8');

function changedFiles() {
  const [base] = git('merge-base', 'HEAD', 'main').concat(git('merge-base', 'HEAD', 'origin/main'), 'HEAD');
  return [...new Set([...git('diff', '--name-only', base), ...git('ls-files', '--others', '--exclude-standard')])];
}

/** Tests of one changed file, the nearest first. */
function testsOf(file) {
  if (isTest(file)) return [file].filter((name) => tests.includes(name));
  const contracts = Object.entries(CONTRACTS).flatMap(([folder, suites]) => (file.startsWith(folder) ? suites : []));
  if (file.endsWith('.md')) return ['test/links.test.ts'];
  if (file.endsWith('.py')) return [...pythonTestsOf(file), ...contracts];
  const own = file.replace(/\.\w+$/, '.test.ts');
  return [own, ...besides(path.dirname(file)), ...(file.startsWith('test/') ? importersOf(file) : []), ...contracts];
}

/** Tests in the file's folder, or in the nearest one above it that has any. */
function besides(folder) {
  if (!folder.startsWith('src/')) return [];
  const found = tests.filter((test) => path.dirname(test) === folder);
  return found.length > 0 ? found : besides(path.dirname(folder));
}

/** Tests that import a file which several of them share. */
function importersOf(file) {
  const name = path.basename(file);
  return tests.filter((test) => test.startsWith('test/') && read(test).includes(`/${name}'`));
}

/** The test named after the module, or else those that import it. */
function pythonTestsOf(file) {
  const name = path.basename(file, '.py');
  const own = tests.filter((test) => path.basename(test) === `test_${name}.py`);
  if (own.length > 0) return own;
  const word = new RegExp(`\\b(from|import)\\b.*\\b${name}\\b`);
  return tests.filter((test) => test.endsWith('.py') && word.test(read(test)));
}

function choose(changed) {
  const wanted = [...new Set(changed.flatMap(testsOf))].filter((test) => tests.includes(test));
  const times = readTimes(ROOT);
  const secondsOf = (test) => times[test] ?? UNKNOWN_S[test.endsWith('.py') ? 'py' : 'ts'];
  const [chosen, left] = [[], []];
  let sum = 0;
  // Changed tests come first, then the shortest, so that as many as possible fit.
  const order = (test) => (changed.includes(test) ? 0 : secondsOf(test));
  for (const test of wanted.sort((a, b) => order(a) - order(b))) {
    const fits = chosen.length === 0 || sum + secondsOf(test) <= BUDGET_S;
    (fits ? chosen : left).push(test);
    if (fits) sum += secondsOf(test);
  }
  return { chosen, left };
}

/** Runs one tool, until the time is over. */
function run(command, args, cwd, until) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
    const timer = setTimeout(() => child.kill('SIGTERM'), until - Date.now());
    child.on('error', (error) => {
      process.stderr.write(`${command} could not be started: ${error.message}\n`);
      resolve('failed');
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve(code === 0 ? 'passed' : signal === null && Date.now() < until ? 'failed' : 'stopped');
    });
  });
}

const begun = Date.now();
const given = process.argv.slice(2).map((file) => path.relative(ROOT, path.resolve(file)));
const changed = given.length > 0 ? given : changedFiles();
const { chosen, left } = choose(changed);
process.stdout.write(`${changed.length} files have changed; ${chosen.length} test files are run:\n`);
for (const test of chosen) process.stdout.write(`  ${test}\n`);
if (left.length > 0) process.stdout.write(`Left to npm test, a minute does not hold them: ${left.join(', ')}\n`);

const until = begun + LIMIT_MS;
const [typescript, python] = ['.ts', '.py'].map((kind) => chosen.filter((test) => test.endsWith(kind)));
const states = await Promise.all([
  typescript.length > 0 && run(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...typescript], ROOT, until),
  python.length > 0 &&
    run(
      PYTHON,
      ['-m', 'pytest', '-q', '-c', 'pyproject.toml', ...python.map((test) => path.join(ROOT, test))],
      path.join(ROOT, 'worker'),
      until,
    ),
]);
const seconds = Math.round((Date.now() - begun) / 1000);
if (states.includes('stopped'))
  process.stdout.write('Some tests were stopped: a minute was over. npm test runs them to their end.\n');
process.stdout.write(
  `${states.includes('failed') ? 'Tests failed' : states.includes('stopped') ? 'Not finished' : 'All passed'}, in ${seconds} s\n`,
);
process.exitCode = states.every((state) => state === false || state === 'passed') ? 0 : 1;
