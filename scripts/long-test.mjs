#!/usr/bin/env node
// The long runs of tests that the suite runs in short: `npm run test:kill -- --times 100` kills every long command 100 times,
// `npm run fuzz -- --count 10000 --seed 7` reads 10,000 damaged files.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
/** Options of each test, with the variable that carries it and its default. */
const TESTS = {
  kill: { times: ['WINNOW_KILL_TIMES', '100'], seed: ['WINNOW_KILL_SEED', '42'] },
  fuzz: { count: ['WINNOW_FUZZ_COUNT', '10000'], seed: ['WINNOW_FUZZ_SEED', '42'] },
};

const [name, ...args] = process.argv.slice(2);
const options = Object.entries(TESTS[name]);
const { values } = parseArgs({
  args,
  options: Object.fromEntries(options.map(([option, [, fallback]]) => [option, { type: 'string', default: fallback }])),
});
const run = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', `test/${name}.test.ts`], {
  cwd: ROOT,
  stdio: 'inherit',
  env: { ...process.env, ...Object.fromEntries(options.map(([option, [variable]]) => [variable, values[option]])) },
});
process.exit(run.status ?? 1);
