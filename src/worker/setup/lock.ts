import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../base/files/package-root.ts';

/** One package of `worker/requirements.lock`: its version, where it is wanted, the hashes of its builds. */
export interface LockedPackage {
  name: string;
  version: string;
  /** Its lines in the lock, as pip and uv read them. */
  text: string;
  hashes: readonly string[];
}

export interface WorkerLock {
  /** All but PyTorch and CUDA: the same for every kind of device. */
  base: readonly LockedPackage[];
  torch: LockedPackage;
  /** The CUDA libraries of PyTorch's default build for Linux. */
  cuda: readonly LockedPackage[];
}

/** The lock that the package ships; `scripts/lock-worker.mjs` makes it. */
export function readLock(file = join(packageRoot(), 'worker', 'requirements.lock')): WorkerLock {
  const packages = readFileSync(file, 'utf8')
    .split(/\n(?=\S)/)
    .filter((block) => /^[\w.-]+==/.test(block))
    .map(lockedPackage);
  const torch = packages.find(({ name }) => name === 'torch');
  if (torch === undefined) throw new Error(`${file} names no torch`);
  const isCuda = ({ name }: LockedPackage): boolean => /^(nvidia|cuda|triton)\b/.test(name);
  return { base: packages.filter((one) => one !== torch && !isCuda(one)), torch, cuda: packages.filter(isCuda) };
}

function lockedPackage(text: string): LockedPackage {
  const [, name = '', version = ''] = /^([\w.-]+)==([^\s;\\]+)/.exec(text) ?? [];
  const hashes = [...text.matchAll(/--hash=sha256:([0-9a-f]{64})/g)].map(([, hash]) => hash!);
  return { name, version, text, hashes };
}
