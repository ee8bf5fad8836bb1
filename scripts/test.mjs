#!/usr/bin/env node
// Runs the tests of both languages, both always, and ends with one plain line: `N passed, N failed, N skipped`.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const STATE = path.join(ROOT, '.setup');
const PYTHON = path.join(ROOT, 'worker', '.venv', process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');

async function runVitest() {
  const file = freshReport('vitest.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const code = await run(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...reporters], ROOT);
  const report = readReport(file, JSON.parse);
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 };
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
  const code = await run(PYTHON, ['-m', 'pytest', '-q', `--junitxml=${file}`], path.join(ROOT, 'worker'));
  const counts = readReport(file, (xml) => {
    const suite = xml.match(/<testsuite\b[^>]*>/)?.[0] ?? '';
    const count = (name) => Number(suite.match(new RegExp(`\\b${name}="(\\d+)"`))?.[1] ?? 0);
    const failed = count('failures') + count('errors');
    return { passed: count('tests') - failed - count('skipped'), failed, skipped: count('skipped') };
  });
  return counts === undefined ? { passed: 0, failed: 1, skipped: 0 } : atLeastOneFailure(counts, code !== 0);
}

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

function run(command, args, cwd) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', (error) => {
      process.stderr.write(`${command} could not be started: ${error.message}\n`);
      resolve(1);
    });
    child.on('close', (code) => resolve(code ?? 1));
  });
}

const begun = Date.now();
const sums = { passed: 0, failed: 0, skipped: 0 };
for (const [name, runner] of [
  ['TypeScript', runVitest],
  ['Python', runPytest],
]) {
  process.stdout.write(`\n== ${name} tests\n`);
  const counts = await runner();
  process.stdout.write(`${name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
  for (const key of Object.keys(sums)) sums[key] += counts[key];
}
process.stdout.write(`\nin ${Math.round((Date.now() - begun) / 1000)} s\n`);
process.stdout.write(`${sums.passed} passed, ${sums.failed} failed, ${sums.skipped} skipped\n`);
process.exitCode = sums.failed === 0 && sums.passed > 0 ? 0 : 1;
