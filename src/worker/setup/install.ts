import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WinnowError } from '../../base/errors.ts';
import { pythonOf } from '../python.ts';
import { checkWorker, isSound, type WorkerCheck } from './check.ts';
import { type RunOptions, runStep } from './installer.ts';
import type { LockedPackage } from './lock.ts';
import { noteFile, readNote, type SetupNote, type SetupPlan } from './plan.ts';

export interface InstallOptions extends RunOptions {
  /** What is being done, for people. */
  onStep?: (what: string) => void;
}

/**
 * Makes the environment of a plan, or finishes or repairs it: packages in their pinned versions, their hashes checked
 * against the lock. What an earlier run installed stays, unless the environment doesn't work.
 *
 * @throws WinnowError `DISK_FULL`, `BUILD_UNAVAILABLE`, `WORKER_BROKEN` and those of {@link runStep}
 */
export async function installWorker(plan: SetupPlan, options: InstallOptions = {}): Promise<WorkerCheck> {
  requireSpace(plan);
  const python = pythonOf(plan.environment);
  const note = (finished: boolean): Promise<void> => {
    const text: SetupNote = { lock: plan.lockHash, build: plan.build, finished };
    return writeFile(noteFile(plan.environment), JSON.stringify(text));
  };
  if (!(await isUsable(plan, python))) await makeEnvironment(plan, options);
  await note(false);
  const folder = await mkdtemp(join(tmpdir(), 'winnow-setup-'));
  try {
    const install = installerOf(plan, python, folder, options);
    options.onStep?.('installing packages');
    await install.locked('base', plan.lock.base);
    options.onStep?.('installing PyTorch');
    await installTorch(plan, python, install, options);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  options.onStep?.('checking');
  const check = checkWorker(python);
  if (!isSound(check)) throw broken(check);
  await note(true);
  return check;
}

function requireSpace({ diskBytes, freeBytes, environment, state }: SetupPlan): void {
  if (state !== 'missing' || freeBytes >= diskBytes) return;
  throw new WinnowError({
    code: 'DISK_FULL',
    message: `The worker takes about ${(diskBytes / 1e9).toFixed(1)} GB, and ${(freeBytes / 1e9).toFixed(1)} GB are free.`,
    where: { file: environment },
    hint: 'Free some space, or set XDG_DATA_HOME to a folder on another disk.',
  });
}

/** An environment that an interrupted or outdated set-up can go on in. */
async function isUsable({ state, environment, build, installer, base }: SetupPlan, python: string): Promise<boolean> {
  if (state === 'repair' || !existsSync(python)) return false;
  // pip takes one build of a version for the other, and would leave it.
  if (readNote(environment)?.build !== build) return false;
  const probe = `import ${installer === 'pip' ? 'pip, ' : ''}sys; print("%d.%d" % sys.version_info[:2])`;
  try {
    return (await runStep(python, ['-c', probe])).trim() === base.version;
  } catch {
    return false;
  }
}

async function makeEnvironment({ environment, installer, base }: SetupPlan, options: InstallOptions): Promise<void> {
  options.onStep?.(`making the environment with Python ${base.version}`);
  await rm(environment, { recursive: true, force: true });
  await mkdir(environment, { recursive: true });
  const make = installer === 'uv' ? ['uv', 'venv', '--python', base.command] : [base.command, '-m', 'venv'];
  await runStep(make[0]!, [...make.slice(1), environment], options);
}

interface Install {
  /** Packages of the lock, each in the version and with a hash that it names. */
  locked(name: string, packages: readonly LockedPackage[]): Promise<void>;
  /** One package in an exact version, from an index that the lock doesn't cover. */
  pinned(requirement: string, args: readonly string[]): Promise<void>;
}

function installerOf(plan: SetupPlan, python: string, folder: string, options: InstallOptions): Install {
  const run = (args: readonly string[]): Promise<string> =>
    plan.installer === 'uv'
      ? runStep('uv', ['pip', 'install', '--python', python, ...args], options)
      : runStep(python, ['-m', 'pip', 'install', ...args], options);
  return {
    async locked(name, packages) {
      const file = join(folder, `${name}.txt`);
      await writeFile(file, `${packages.map(({ text }) => text).join('\n')}\n`);
      await run(['--no-deps', '--require-hashes', '-r', file, ...extraIndex(plan)]);
    },
    async pinned(requirement, args) {
      await run([requirement, ...args]);
    },
  };
}

/** `WINNOW_TORCH_INDEX`, for pip: uv knows PyTorch's indexes by name. */
function extraIndex({ installer }: SetupPlan): string[] {
  const index = process.env.WINNOW_TORCH_INDEX;
  return index === undefined || index === '' || installer === 'uv' ? [] : ['--extra-index-url', index];
}

async function installTorch(plan: SetupPlan, python: string, install: Install, options: InstallOptions): Promise<void> {
  const { lock, build, installer, strict } = plan;
  const requirement = `torch==${lock.torch.version}`;
  if (build === 'default') {
    await install.locked('torch', [lock.torch, ...lock.cuda]);
    return;
  }
  if (installer === 'uv' && process.platform === 'linux') {
    await install.pinned(requirement, ['--torch-backend', build]);
    return;
  }
  const found = await torchOf(plan, python, options);
  if (process.platform === 'linux' && !found.version.includes(`+${build}`)) {
    if (strict) throw unavailable(plan, found.version);
    options.onStep?.(`installing PyTorch with CUDA: pip's index has no build for ${build} alone`);
    await install.locked('torch', [lock.torch, ...lock.cuda]);
    return;
  }
  if (found.hash !== undefined && lock.torch.hashes.includes(found.hash)) {
    // With this hash alone: of several that it may choose from, pip takes another build.
    const text = `torch==${found.version} --hash=sha256:${found.hash}`;
    await install.locked('torch', [{ ...lock.torch, text }]);
  } else {
    await install.pinned(requirement, build === 'cpu' ? ['--no-deps', ...extraIndex(plan)] : extraIndex(plan));
  }
}

/** The build of PyTorch that pip would install, and its hash as the index names it. */
async function torchOf(
  plan: SetupPlan,
  python: string,
  options: InstallOptions,
): Promise<{ version: string; hash: string | undefined }> {
  const ask = ['-m', 'pip', 'install', '--quiet', '--dry-run', '--ignore-installed', '--no-deps', '--report', '-'];
  const out = await runStep(python, [...ask, `torch==${plan.lock.torch.version}`, ...extraIndex(plan)], {
    signal: options.signal,
  });
  const { install } = JSON.parse(out.slice(out.indexOf('{'))) as {
    install: { metadata: { version: string }; download_info: { archive_info?: { hashes?: { sha256?: string } } } }[];
  };
  const [torch] = install;
  return { version: torch?.metadata.version ?? '', hash: torch?.download_info.archive_info?.hashes?.sha256 };
}

function unavailable({ build, lock }: SetupPlan, version: string): WinnowError {
  return new WinnowError({
    code: 'BUILD_UNAVAILABLE',
    message: `The index of pip has torch ${version || lock.torch.version}, and no build "${build}".`,
    hint: 'Install uv, which knows the indexes of PyTorch; or set WINNOW_TORCH_INDEX to the index that the "Get started" page of PyTorch names for it; or leave the option out.',
  });
}

function broken({ python, missing }: WorkerCheck): WinnowError {
  const [name, why] = Object.entries(missing)[0] ?? ['python', 'it does not start'];
  return new WinnowError({
    code: 'WORKER_BROKEN',
    message: `Everything was installed, and "${name}" can't be imported: ${why}`,
    where: { file: python },
    hint: 'Run the same command again, which makes the environment anew; another Python (--python) may help.',
  });
}
