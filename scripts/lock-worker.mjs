#!/usr/bin/env node
// Writes worker/requirements.lock: what the worker needs, in the versions that the tests use, with the hashes of every
// build for every platform: `node scripts/lock-worker.mjs`. Needs uv, and the package index that uv is set up for.
// PyTorch's own indexes hold further builds (for processors alone, for other versions of CUDA): `--build FILE` adds the
// hash of such a file, and hashes that were added so stay.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const LOCK = path.join(ROOT, 'worker', 'requirements.lock');
const FURTHER = '    # a build of an index of PyTorch';

/** Names in pyproject.toml, each in the version that the tests name. */
function wanted() {
  const project = fs.readFileSync(path.join(ROOT, 'worker', 'pyproject.toml'), 'utf8');
  const listed = /^dependencies = \[([^\]]*)\]/m.exec(project)?.[1] ?? '';
  const names = [...listed.matchAll(/"([\w-]+)/g)].map(([, name]) => name);
  const pinned = fs.readFileSync(path.join(ROOT, 'worker', 'requirements-test.txt'), 'utf8');
  return names.map((name) => {
    const pin = new RegExp(`^${name}==\\S+`, 'm').exec(pinned)?.[0];
    if (pin === undefined) throw new Error(`worker/requirements-test.txt names no version of ${name}`);
    return pin;
  });
}

/** Lines of hashes that were added by hand, and those of the files that are named now. */
function furtherHashes() {
  const old = fs.existsSync(LOCK) ? fs.readFileSync(LOCK, 'utf8') : '';
  const kept = [...old.matchAll(/--hash=(sha256:[0-9a-f]+)[^\n]*\n {4}# a build of an index of PyTorch/g)].map(
    ([, h]) => h,
  );
  const files = process.argv.slice(2).filter((word) => word !== '--build');
  const added = files.map((file) => `sha256:${createHash('sha256').update(fs.readFileSync(file)).digest('hex')}`);
  return [...new Set([...kept, ...added])];
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'winnow-lock-'));
try {
  const input = path.join(folder, 'requirements.in');
  const output = path.join(folder, 'requirements.lock');
  fs.writeFileSync(input, `${wanted().join('\n')}\n`);
  const args = ['pip', 'compile', input, '--universal', '--python-version', '3.11', '--generate-hashes'];
  const quiet = ['--no-annotate', '--no-header', '-c', path.join(ROOT, 'worker', 'constraints.txt'), '-o', output];
  const { status, stderr } = spawnSync(process.env.UV ?? 'uv', [...args, ...quiet], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`uv pip compile failed (uv is needed; UV names it):\n${stderr}`);
  const hashes = furtherHashes()
    .map((hash) => ` \\\n    --hash=${hash}`)
    .join('');
  const marks = furtherHashes().length === 0 ? '' : `\n${FURTHER}`;
  const text = fs.readFileSync(output, 'utf8').replace(/^(torch==\S+(?: \\\n {4}--hash=\S+)+)/m, `$1${hashes}${marks}`);
  fs.writeFileSync(LOCK, `# What \`winnow setup worker\` installs; made by scripts/lock-worker.mjs.\n${text}`);
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
}
