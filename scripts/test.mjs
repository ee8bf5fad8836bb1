#!/usr/bin/env node
// Runs the tests of both languages side by side, both always, and ends with one plain line: `N passed, N failed, N
// skipped`. With --long it runs those that are left out otherwise: *.long.test.ts, and pytest's marker `long`.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeTimes } from './test-times.mjs';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const STATE = path.join(ROOT, '.setup');
const PYTHON = path.join(ROOT, 'worker', '.venv', process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
const isLong = process.argv.includes('--long');

async function runVitest() {
  const file = freshReport('vitest.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const command = ['node_modules/vitest/vitest.mjs', 'run', ...reporters];
  const { code } = await run(process.execPath, command, ROOT, { WINNOW_LONG: isLong ? '1' : '' });
  const report = readReport(file, JSON.parse);
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 };
  writeTimes(
    ROOT,
    Object.fromEntries(
      report.testResults.map(({ name, startTime, endTime }) => [relative(name), (endTime - startTime) / 1000]),
    ),
  );
  // A file that can't be loaded counts as one failure though none of its tests ran.
  const broken = report.testResults.filter(
    (suite) => suite.status === 'failed' && suite.assertionResults.every((test) => test.status !== 'failed'),
  ).length;
  const counts = {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken,
    skipped: report.numPendingTests + report.numTodoTests,
  };
  return atLeastOneFailure(counts, code !== 0);
}

async function runPytest() {
  const file = freshReport('pytest.xml');
  const command = ['-m', 'pytest', '-q', ...(isLong ? ['-m', 'long'] : []), `--junitxml=${file}`];
  // Models of a few thousand weights are slower on two threads than on one, and the other tests have the second core.
  const env = { OMP_NUM_THREADS: '1' };
  const { code, output } = await run(PYTHON, command, path.join(ROOT, 'worker'), env, 'pipe');
  const counts = readReport(file, (xml) => {
    writeTimes(ROOT, pythonTimes(xml));
    const suite = xml.match(/<testsuite\b[^>]*>/)?.[0] ?? '';
    const count = (name) => Number(suite.match(new RegExp(`\\b${name}="(\\d+)"`))?.[1] ?? 0);
    const failed = count('failures') + count('errors');
    return { passed: count('tests') - failed - count('skipped'), failed, skipped: count('skipped') };
  });
  const fallback = { passed: 0, failed: 1, skipped: 0 };
  // Its code for "no test was chosen".
  const hasFailed = code !== 0 && code !== 5;
  return { output, ...(counts === undefined ? fallback : atLeastOneFailure(counts, hasFailed)) };
}

/** Seconds by file: pytest names a test's class `tests.test_x`, seen from worker/. */
function pythonTimes(xml) {
  const times = {};
  for (const [, name, seconds] of xml.matchAll(/<testcase classname="([\w.]+)"[^>]*? time="([\d.]+)"/g)) {
    const parts = name.split('.');
    const file = parts.slice(0, parts.findIndex((part) => part.startsWith('test_')) + 1).join('/');
    const where = fs.existsSync(path.join(ROOT, 'worker', `${file}.py`)) ? `worker/${file}.py` : `${file}.py`;
    times[where] = (times[where] ?? 0) + Number(seconds);
  }
  return times;
}

const relative = (file) => path.relative(ROOT, file).split(path.sep).join('/');

/** A runner that exits non-zero for another reason (an error outside of any test) must not look green. */
function atLeastOneFailure(counts, hasFailed) {
  return hasFailed && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

function freshReport(name) {
  fs.mkdirSync(STATE, { recursive: true });
  const file = path.join(STATE, name);
  fs.rmSync(file, { force: true });
  return file;
}

function readReport(file, parse) {
  try {
    return parse(fs.readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** @param stdout `pipe`: what it prints is returned as `output` instead of shown */
function run(command, args, cwd, env, stdout = 'inherit') {
  return new Promise((resolve) => {
    const stdio = ['ignore', stdout, stdout];
    const child = spawn(command, args, { cwd, stdio, env: { ...process.env, ...env } });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (output += text));
    child.on('error', (error) => {
      process.stderr.write(`${command} could not be started: ${error.message}\n`);
      resolve({ code: 1, output });
    });
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

const begun = Date.now();
const sums = { passed: 0, failed: 0, skipped: 0 };
process.stdout.write('\n== TypeScript tests; those of Python run beside them and are shown at the end\n');
// What a single core runs to its end is begun first.
const python = runPytest();
const typescript = await runVitest();
const { output, ...rest } = await python;
process.stdout.write(`\n== Python tests\n${output}`);
for (const [name, counts] of [
  ['TypeScript', typescript],
  ['Python', rest],
]) {
  process.stdout.write(`${name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
  for (const key of Object.keys(sums)) sums[key] += counts[key];
}
process.stdout.write(`\nin ${Math.round((Date.now() - begun) / 1000)} s\n`);
process.stdout.write(`${sums.passed} passed, ${sums.failed} failed, ${sums.skipped} skipped\n`);
process.exitCode = sums.failed === 0 && sums.passed > 0 ? 0 : 1;
