#!/usr/bin/env node
// Types, lint, formatting, dead code and the direction of imports, of both languages. Every check runs; the first
// failure does not hide the next.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const bin = (file) => [process.execPath, path.join('node_modules', file)];
const ruff = [path.join('worker', '.venv', process.platform === 'win32' ? 'Scripts/ruff.exe' : 'bin/ruff')];
const has = (file) => fs.existsSync(path.join(ROOT, file));

const CHECKS = [
  [
    'types',
    [
      ...bin('typescript/bin/tsc'),
      '-p',
      'tsconfig.json',
      '--incremental',
      '--tsBuildInfoFile',
      '.setup/check.tsbuildinfo',
    ],
  ],
  [
    'types of the report page',
    [
      ...bin('typescript/bin/tsc'),
      '-p',
      'src/report/web',
      '--noEmit',
      '--incremental',
      '--tsBuildInfoFile',
      '.setup/check-web.tsbuildinfo',
    ],
    'src/report/web/tsconfig.json',
  ],
  ['lint and format', [...bin('@biomejs/biome/bin/biome'), 'ci', '--error-on-warnings', '.']],
  ['dead code', [...bin('knip/bin/knip.js'), '--no-progress']],
  ['registries', [process.execPath, 'scripts/write-registries.mjs', '--check']],
  ['direction of imports', [process.execPath, 'scripts/check-layers.mjs']],
  ['width of comments', [process.execPath, 'scripts/check-comments.mjs']],
  ['lint of the worker', [...ruff, 'check', 'worker', 'tools']],
  ['format of the worker', [...ruff, 'format', '--check', 'worker', 'tools']],
].filter(([, , needed]) => needed === undefined || has(needed));

let failed = 0;
for (const [name, [command, ...args]] of CHECKS) {
  const begun = Date.now();
  const result = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 64 << 20 });
  const seconds = ((Date.now() - begun) / 1000).toFixed(1);
  const good = result.status === 0;
  process.stdout.write(`${good ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)\n`);
  if (good) continue;
  failed += 1;
  process.stdout.write(`${result.error?.message ?? ''}${result.stdout ?? ''}${result.stderr ?? ''}\n`);
}
process.stdout.write(`${CHECKS.length - failed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
