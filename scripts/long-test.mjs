#!/usr/bin/env node
// The long runs of tests that the suite runs in short: `npm run test:kill -- --times 100` kills every long command 100
// times, `npm run fuzz -- --count 10000 --seed 7` reads 10,000 damaged files, `npm run test:properties -- --seeds 20`
// draws other cases 20 times.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const [name, ...args] = process.argv.slice(2);

/** Runs one test file, each option (with its default) carried by a variable of the environment. */
const one = (file, options) => {
  const given = read(Object.fromEntries(Object.entries(options).map(([option, [, fallback]]) => [option, fallback])));
  const long = { WINNOW_LONG: '1' };
  return vitest([file], {
    ...long,
    ...Object.fromEntries(Object.entries(options).map(([option, [name]]) => [name, given[option]])),
  });
};

const RUNS = {
  kill: () => one('test/kill.long.test.ts', { times: ['WINNOW_KILL_TIMES', '100'], seed: ['WINNOW_KILL_SEED', '42'] }),
  fuzz: () =>
    one('test/fuzz.long.test.ts', { count: ['WINNOW_FUZZ_COUNT', '10000'], seed: ['WINNOW_FUZZ_SEED', '42'] }),
  properties() {
    const { seeds, first } = read({ seeds: '20', first: '1' });
    const files = ['src', 'test'].flatMap((folder) =>
      fs
        .readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
        .map((file) => path.join(folder, file))
        .filter(
          (file) =>
            /(?<!\.long)\.test\.ts$/.test(file) && /\bfc\./.test(fs.readFileSync(path.join(ROOT, file), 'utf8')),
        ),
    );
    for (let seed = Number(first); seed < Number(first) + Number(seeds); seed++) {
      console.log(`seed ${seed}`);
      const status = vitest(files, { WINNOW_PROPERTY_SEED: String(seed) });
      if (status !== 0) return status;
    }
    return 0;
  },
};

function read(defaults) {
  const options = Object.entries(defaults).map(([option, value]) => [option, { type: 'string', default: value }]);
  return parseArgs({ args, options: Object.fromEntries(options) }).values;
}

function vitest(files, env) {
  const run = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...files], {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  return run.status ?? 1;
}

process.exit(RUNS[name]());
