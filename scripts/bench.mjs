#!/usr/bin/env node
// Runs one benchmark: `node scripts/bench.mjs NAME [arguments]` bundles bench/NAME.ts and starts it.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const FOLDER = path.join(ROOT, 'bench');
const names = fs
  .readdirSync(FOLDER)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length));

const [name, ...args] = process.argv.slice(2);
if (!names.includes(name)) {
  process.stderr.write(`usage: node scripts/bench.mjs ${names.join('|')} [arguments]\n`);
  process.exit(2);
}
const outfile = path.join(FOLDER, 'out', `${name}.mjs`);
await build({
  entryPoints: [path.join(FOLDER, `${name}.ts`)],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  packages: 'external',
  logLevel: 'error',
});
process.exit(spawnSync(process.execPath, [outfile, ...args], { cwd: ROOT, stdio: 'inherit' }).status ?? 1);
