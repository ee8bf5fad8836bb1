#!/usr/bin/env node
// The long run of test/kill.test.ts: `npm run test:kill -- --times 100 --seed 7` kills every long command 100 times.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const { values } = parseArgs({
  options: { times: { type: 'string', default: '100' }, seed: { type: 'string', default: '42' } },
});
const run = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', 'test/kill.test.ts'], {
  cwd: ROOT,
  stdio: 'inherit',
  env: { ...process.env, WINNOW_KILL_TIMES: values.times, WINNOW_KILL_SEED: values.seed },
});
process.exit(run.status ?? 1);
