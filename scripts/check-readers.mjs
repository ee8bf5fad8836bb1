#!/usr/bin/env node
// Reads what Winnow writes with the libraries that people train with: `node scripts/check-readers.mjs`. Makes a Python
// environment of its own in .setup/readers (torch and transformers are the worker's, where it has them), installs
// `datasets` and `webdataset`, and tries TRL and LLaMA-Factory. What can't be installed is said and skipped; exit
// status 1 where a reader reads something else than was written.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const VENV = path.join(ROOT, '.setup', 'readers');
const PYTHON = path.join(VENV, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
const WORKER = path.join(ROOT, 'worker', '.venv');
/** What is written for the readers: folder, format, options. */
const WRITINGS = [
  ['parquet', 'parquet', {}],
  ['parquet-sequence', 'parquet', { features: 'sequence' }],
  ['webdataset', 'webdataset', { 'shard-rows': 30 }],
  ['trl', 'trl', {}],
  ['sharegpt', 'sharegpt', { name: 'winnow' }],
];

function run(command, args, fatal = true) {
  const { status, stderr } = spawnSync(command, args, {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  if (status === 0) return true;
  const reason = stderr.trim().split('\n').at(-1);
  process.stderr.write(`${fatal ? '' : 'skipped: '}${path.basename(command)} ${args.join(' ')}: ${reason}\n`);
  if (fatal) process.exit(1);
  return false;
}

function makeEnvironment() {
  if (!fs.existsSync(PYTHON)) run(process.env.WINNOW_PYTHON ?? 'python3', ['-m', 'venv', VENV]);
  const [site] = sitePackages(VENV);
  // The worker's packages come after its own, so that nothing large is installed twice.
  fs.writeFileSync(path.join(site, 'worker.pth'), sitePackages(WORKER).join('\n'));
  const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
  run(PYTHON, [...install, 'datasets', 'webdataset', 'pillow']);
  run(PYTHON, [...install, 'trl'], false);
  // Its own pins would replace the worker's torch and transformers; the part that reads data sets does without them.
  if (run(PYTHON, [...install, '--no-deps', 'llamafactory'], false))
    run(PYTHON, [...install, 'peft', 'omegaconf', 'fire'], false);
}

function sitePackages(venv) {
  const lib = path.join(venv, process.platform === 'win32' ? 'Lib' : 'lib');
  if (!fs.existsSync(lib)) return [];
  const folders = fs.readdirSync(lib).map((name) => path.join(lib, name, 'site-packages'));
  return [path.join(lib, 'site-packages'), ...folders].filter((folder) => fs.existsSync(folder));
}

/** 100 rows of the shipped data set that every one of the formats holds, two of them with two images. */
async function writeAll(folder) {
  const { openDataset, writeDataset } = await import('winnow-vlm');
  const dataset = await openDataset(path.join(ROOT, 'examples', 'shapes', 'shapes.json'));
  const rows = await dataset.get(Array.from({ length: 200 }, (_, row) => row));
  const samples = rows.filter((sample) => sample !== null && hasFiles(sample, dataset.mediaRoot)).slice(0, 100);
  for (const sample of samples.slice(0, 2)) {
    sample.media.images.push(samples[5].media.images[0]);
    sample.messages[0].parts.push({ type: 'image', image: 1 }, { type: 'text', text: 'And here?' });
  }
  for (const [name, format, options] of WRITINGS) {
    const out = path.join(folder, name);
    await writeDataset({ samples, format, out, media: 'copy', mediaRoot: dataset, options });
  }
  const plain = samples.map(({ id, messages, media }) => ({
    id,
    images: media.images.map((image) => path.join(dataset.mediaRoot, image.path)),
    texts: messages.map(({ role, parts }) => [role, parts.map((part) => part.text ?? null)]),
  }));
  fs.writeFileSync(path.join(folder, 'expected.json'), JSON.stringify(plain));
  await dataset.close();
}

function hasFiles({ media }, root) {
  return media.images.length === 1 && fs.existsSync(path.join(root, media.images[0].path));
}

run(process.execPath, [path.join(ROOT, 'scripts', 'setup.mjs'), 'build']);
makeEnvironment();
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'winnow-readers-'));
try {
  await writeAll(folder);
  const { status } = spawnSync(PYTHON, [path.join(ROOT, 'scripts', 'check_readers.py'), folder], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
}
