import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { transformSync } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { type Fence, fencesOf, readDocument, setupOf } from './markdown.ts';

/*
 * Documents are tests. Every block of sh, bash, ts, yaml or json is executed, in order, in one folder per document:
 * sh with `winnow` on its path (`./winnow` and `npx winnow` are the same there), ts type-checked against the package
 * and run, yaml and json parsed. `file=NAME` also writes the block into the folder; `no-run: reason` exempts it.
 * The folder begins with examples/ and with the NLVR excerpt as `data.json` and `images/`.
 */
const ROOT = path.resolve(import.meta.dirname, '..');
const RUNNABLE = new Set(['sh', 'bash', 'ts', 'yaml', 'json']);
const DOCUMENT_TIMEOUT_MS = 900_000;
const LAUNCHER = path.join(ROOT, 'winnow');

let work = '';

/** Runs what these documents show. */
export function runDocuments(names: readonly string[]): void {
  beforeAll(() => {
    work = fs.mkdtempSync(path.join(os.tmpdir(), 'winnow-docs-'));
    const built = spawnSync(LAUNCHER, ['--version'], { encoding: 'utf8' });
    if (built.status !== 0) throw new Error(built.stderr);
  });
  afterAll(() => fs.rmSync(work, { recursive: true, force: true }));

  describe('examples', () => {
    it.each(names)('%s does what it says', runDocument, DOCUMENT_TIMEOUT_MS);
  });
}

async function runDocument(name: string): Promise<void> {
  const text = readDocument(name);
  const fences = fencesOf(text).filter((fence) => RUNNABLE.has(fence.language));
  const folder = prepare(name);
  for (const command of setupOf(text)) await shell(command, folder, `${name}: setup`);
  for (const fence of fences) {
    const where = `${name}:${fence.line}`;
    if (fence.noRun !== undefined) {
      expect(fence.noRun, `${where} is not run: say why`).not.toBe('');
      continue;
    }
    if (fence.file !== undefined) write(folder, fence.file, fence.code);
    await execute(fence, folder, where);
  }
}

/** The document's folder: what a reader has after cloning, and some data of their own. */
function prepare(name: string): string {
  const folder = path.join(work, name.replace(/[^\w]/g, '_'));
  fs.mkdirSync(path.join(folder, 'node_modules', '.bin'), { recursive: true });
  fs.symlinkSync(ROOT, path.join(folder, 'node_modules', 'winnow-vlm'));
  fs.symlinkSync(path.join(ROOT, 'node_modules', '@types'), path.join(folder, 'node_modules', '@types'));
  fs.symlinkSync(LAUNCHER, path.join(folder, 'node_modules', '.bin', 'winnow'));
  for (const shared of ['examples', 'models']) {
    if (fs.existsSync(path.join(ROOT, shared))) fs.symlinkSync(path.join(ROOT, shared), path.join(folder, shared));
  }
  const nlvr = path.join(ROOT, 'examples', 'nlvr');
  if (fs.existsSync(nlvr)) {
    const rows = JSON.parse(fs.readFileSync(path.join(nlvr, 'nlvr.json'), 'utf8')) as { image: string }[];
    const own = rows.map((row) => ({ ...row, image: path.basename(row.image) }));
    write(folder, 'data.json', JSON.stringify(own, null, 1));
    fs.symlinkSync(path.join(nlvr, 'images'), path.join(folder, 'images'));
  }
  write(folder, 'package.json', '{ "type": "module", "private": true }\n');
  return folder;
}

function write(folder: string, name: string, text: string): void {
  const target = path.resolve(folder, name);
  if (!target.startsWith(folder + path.sep)) throw new Error(`file=${name} lies outside of the document's folder`);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.writeFileSync(target, `${text}\n`);
}

async function execute(fence: Fence, folder: string, where: string): Promise<void> {
  switch (fence.language) {
    case 'yaml':
      for (const document of parseAllDocuments(fence.code)) {
        expect('errors' in document ? document.errors : [], where).toEqual([]);
      }
      return;
    case 'json':
      expect(() => JSON.parse(fence.code), where).not.toThrow();
      return;
    case 'ts':
      return typescript(fence.code, folder, where);
    default:
      // In a reader's clone the command is ./winnow; here it is on the path, so that `cd` doesn't lose it.
      return shell(
        fence.code.replace(/(^|[\n;&|(] *)(?:\.\/winnow|npx (?:--yes )?winnow)\b/g, '$1winnow'),
        folder,
        where,
      );
  }
}

function shell(script: string, folder: string, where: string): Promise<void> {
  return child('bash', ['-euo', 'pipefail', '-c', script], folder, `${where}\n${script}`);
}

async function typescript(code: string, folder: string, where: string): Promise<void> {
  const name = `block-${where.replace(/[^\w]/g, '-')}`;
  write(folder, `${name}.ts`, code);
  const options = {
    target: 'ES2023',
    module: 'NodeNext',
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: ['node'],
    allowImportingTsExtensions: true,
  };
  write(folder, `${name}.json`, JSON.stringify({ compilerOptions: options, files: [`${name}.ts`] }));
  await child(
    process.execPath,
    [path.join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', `${name}.json`],
    folder,
    where,
  );
  write(folder, `${name}.mjs`, transformSync(code, { loader: 'ts', format: 'esm', target: 'node20' }).code);
  await child(process.execPath, [`${name}.mjs`], folder, where);
  for (const extension of ['ts', 'json', 'mjs']) fs.rmSync(path.join(folder, `${name}.${extension}`));
}

/** Runs to the end; a failure is thrown with what was run and what it said. */
function child(command: string, args: string[], cwd: string, where: string): Promise<void> {
  const bin = path.join(cwd, 'node_modules', '.bin');
  // npm test hands its own configuration down; a reader's shell has none of it.
  const own = Object.entries(process.env).filter(([key]) => !/^(npm_|VITEST|NODE_ENV|NODE_OPTIONS)/.test(key));
  const env = {
    ...Object.fromEntries(own),
    PATH: `${bin}${path.delimiter}${process.env.PATH}`,
    // An example that would download something fails at once instead.
    HF_ENDPOINT: 'http://127.0.0.1:9',
    WINNOW_CACHE: path.join(work, 'cache'),
  };
  return new Promise((resolve, reject) => {
    const started = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    const keep = (chunk: Buffer): void => {
      said = (said + chunk.toString()).slice(-8000);
    };
    started.stdout.on('data', keep);
    started.stderr.on('data', keep);
    started.on('error', reject);
    started.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${where}\nended with ${code}:\n${said}`)),
    );
  });
}
