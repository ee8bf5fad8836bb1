import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const REPOSITORY = 'https://github.com/G-JWLee/COINCIDE_code';
const REVISION = '629f776';
const PACKAGES = [
  'faiss-cpu==1.15.1',
  'scikit-learn==1.9.1',
  'numpy==2.4.6',
  'pandas==3.1.1',
  'torch==2.13.0',
  'tqdm',
  'pyyaml',
];
const SCORE = 'tinyllava/eval/score';

/**
 * Lines that name a device or the width of one model, and what stands there instead: a processor, and the width of this
 * run.
 */
function patches(width: number): Record<string, [string, string][]> {
  const toProcessor: [string, string] = ['faiss.index_gpu_to_cpu(kmeans.index)', 'kmeans.index'];
  return {
    'coincide/clustering.py': [toProcessor],
    'SemDeDup/clustering/clustering.py': [toProcessor],
    'coincide/cluster_wise_prune.py': [['.cuda()', '']],
    'coincide/cluster_transferability.py': [
      ['reshape(-1, 5, 4096)', `reshape(-1, 5, ${width / 5})`],
      ['[:,:,2048:]', `[:,:,${width / 10}:]`],
      ['reshape(-1, 5*2048)', `reshape(-1, ${width / 2})`],
    ],
  };
}

/**
 * Fetches COINCIDE's code (with its SemDeDup and D2) into `out`, for this run alone, with the lines above rewritten.
 * @param from a clone, instead of GitHub
 */
export function makeReference(out: string, width: number, from = REPOSITORY): { folder: string; patched: string[] } {
  const clone = join(out, 'coincide-code');
  if (!existsSync(clone)) execFileSync('git', ['clone', '--quiet', from, clone], { stdio: 'inherit' });
  execFileSync('git', ['-C', clone, 'checkout', '--quiet', REVISION], { stdio: 'inherit' });
  const folder = join(out, 'coincide-reference');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  // Its scoring alone: what stands above it would import whole training frameworks.
  cpSync(join(clone, 'COINCIDE_cluster', SCORE), join(folder, SCORE), { recursive: true });
  const patched: string[] = [];
  for (const [file, changes] of Object.entries(patches(width))) {
    const path = join(folder, SCORE, file);
    let text = readFileSync(path, 'utf8');
    for (const [before, after] of changes) {
      if (!text.includes(before)) throw new Error(`${file} has no ${before}`);
      text = text.replaceAll(before, after);
      patched.push(`${file}: ${before} -> ${after || 'nothing'}`);
    }
    writeFileSync(path, text);
  }
  return { folder, patched };
}

/** The Python that the reference runs in, in an environment of its own. */
export function makePython(out: string): string {
  const folder = join(out, 'selection-venv');
  const python = join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  if (existsSync(python)) return python;
  process.stderr.write(`making ${folder} ...\n`);
  execFileSync(process.env.WINNOW_PYTHON ?? 'python3', ['-m', 'venv', folder]);
  const index = process.env.WINNOW_TORCH_INDEX;
  const torch = index === undefined ? [] : ['--extra-index-url', index];
  execFileSync(python, ['-m', 'pip', 'install', '--quiet', ...torch, ...PACKAGES], { stdio: 'inherit' });
  return python;
}

/** Versions of what the reference stands on. */
export function versionsOf(python: string): Record<string, string> {
  const ask =
    'import json, sys, faiss, numpy, pandas, sklearn, torch; print(json.dumps({"python": sys.version.split()[0], **{m.__name__: m.__version__ for m in (faiss, numpy, pandas, sklearn, torch)}}))';
  return JSON.parse(execFileSync(python, ['-c', ask], { encoding: 'utf8' })) as Record<string, string>;
}
