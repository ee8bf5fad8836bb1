import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { WinnowError } from '../../base/errors.ts';
import { pythonOf, workerEnvironment } from '../python.ts';
import { type BasePython, findBasePython } from './base-python.ts';
import { checkWorker, isSound } from './check.ts';
import { findInstaller, type Installer } from './installer.ts';
import { readLock, type WorkerLock } from './lock.ts';

/** Builds of PyTorch: `default` is what the package index has for the platform (on Linux with CUDA). */
export type Build = 'default' | 'cpu' | `cu${number}`;

export interface SetupRequest {
  cpu?: boolean | undefined;
  /** `12.8`, or true for the default build of the package index. */
  cuda?: string | true | undefined;
  /** The Python that the environment is made with. */
  python?: string | undefined;
  /** Use pip although uv is there: its settings are others. */
  pip?: boolean | undefined;
}

/** What is to be done; nothing is changed yet. */
export interface SetupPlan {
  environment: string;
  /** ready: nothing to do. repair: it is there and doesn't work. */
  state: 'missing' | 'unfinished' | 'outdated' | 'repair' | 'ready';
  installer: Installer;
  base: BasePython;
  build: Build;
  /** The build was named, and must not be another. */
  strict: boolean;
  lock: WorkerLock;
  lockHash: string;
  /** Bytes, about. */
  downloadBytes: number;
  diskBytes: number;
  freeBytes: number;
}

/** What the set-up notes in the environment. */
export interface SetupNote {
  lock: string;
  build: Build;
  finished: boolean;
}

const NOTE = 'winnow-setup.json';
const GB = 1e9;
/** Measured with torch 2.13.0: on Linux for processors; of the CUDA builds the sum of the wheels. */
const SIZES = {
  cpu: { download: 0.4 * GB, disk: 1.4 * GB },
  cuda: { download: 3.2 * GB, disk: 7.5 * GB },
} as const;

/** @throws WinnowError `USAGE`, `PYTHON_MISSING` */
export function planSetup(request: SetupRequest): SetupPlan {
  if (request.cpu === true && request.cuda !== undefined) {
    throw new WinnowError({
      code: 'USAGE',
      message: '--cpu and --cuda name two builds of PyTorch.',
      hint: 'Give one of them, or neither: then the machine decides.',
      exitCode: 2,
    });
  }
  const environment = workerEnvironment();
  const lock = readLock();
  const lockHash = hashOf(lock);
  const build = buildOf(request);
  const size = build === 'cpu' || (build === 'default' && process.platform !== 'linux') ? SIZES.cpu : SIZES.cuda;
  return {
    environment,
    state: stateOf(environment, lockHash, request, build),
    installer: request.pip === true ? 'pip' : findInstaller(),
    base: findBasePython(request.python),
    build,
    strict: request.cpu === true || request.cuda !== undefined,
    lock,
    lockHash,
    downloadBytes: size.download,
    diskBytes: size.disk,
    freeBytes: freeBytes(environment),
  };
}

/** Free bytes where a folder is or would be. */
export function freeBytes(folder: string): number {
  let at = folder;
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  const { bavail, bsize } = statfsSync(at);
  return bavail * bsize;
}

export function readNote(environment: string): SetupNote | undefined {
  try {
    return JSON.parse(readFileSync(noteFile(environment), 'utf8')) as SetupNote;
  } catch {
    return undefined;
  }
}

export const noteFile = (environment: string): string => join(environment, NOTE);

function stateOf(environment: string, lock: string, request: SetupRequest, build: Build): SetupPlan['state'] {
  if (!existsSync(environment)) return 'missing';
  const note = readNote(environment);
  if (note?.finished !== true) return 'unfinished';
  if (!isSound(checkWorker(pythonOf(environment)))) return 'repair';
  const isNamed = request.cpu === true || request.cuda !== undefined || request.python !== undefined;
  return note.lock !== lock || (isNamed && note.build !== build) ? 'outdated' : 'ready';
}

/** The build that fits: as named, else with CUDA where the machine has an NVIDIA driver. */
function buildOf({ cpu, cuda }: SetupRequest): Build {
  if (cpu === true) return 'cpu';
  if (typeof cuda === 'string') {
    const [, major, minor] = /^(\d{2})\.(\d)$/.exec(cuda) ?? [];
    if (major !== undefined && minor !== undefined) return `cu${Number(`${major}${minor}`)}`;
    throw new WinnowError({
      code: 'USAGE',
      message: `--cuda takes a version such as 12.8, got "${cuda}".`,
      hint: 'Give the version as "nvidia-smi" prints it, or --cuda alone for the default build of PyTorch.',
      exitCode: 2,
    });
  }
  if (cuda === true || process.platform !== 'linux') return 'default';
  return hasNvidiaDriver() ? 'default' : 'cpu';
}

export function hasNvidiaDriver(): boolean {
  return spawnSync('nvidia-smi', ['-L'], { stdio: 'ignore' }).status === 0;
}

function hashOf(lock: WorkerLock): string {
  const hash = createHash('sha256');
  for (const { text } of [...lock.base, lock.torch, ...lock.cuda]) hash.update(text);
  return hash.digest('hex');
}
