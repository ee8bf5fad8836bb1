import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { WinnowError } from '../../base/errors.ts';

/** How packages are installed: uv where it is there, else pip. */
export type Installer = 'uv' | 'pip';

export function findInstaller(): Installer {
  return spawnSync('uv', ['--version'], { stdio: 'ignore' }).status === 0 ? 'uv' : 'pip';
}

/** How much of a failing command's log is kept for a message. */
const LOG_CHARACTERS = 4000;

export interface RunOptions {
  signal?: AbortSignal | undefined;
  /** A line of the command's log. */
  onLine?: ((line: string) => void) | undefined;
}

/**
 * Runs one step of the set-up and returns what it printed on stdout. The environment is passed through: indexes,
 * proxies and certificates are those that pip and uv are set up for.
 *
 * @throws WinnowError `HASH_MISMATCH`, `INDEX_UNREACHABLE`, `DISK_FULL`, `SETUP_FAILED`
 */
export async function runStep(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  options.signal?.throwIfAborted();
  const child = spawn(command, args, {
    env: { ...process.env, PIP_DISABLE_PIP_VERSION_CHECK: '1', PIP_NO_INPUT: '1', PYTHONUNBUFFERED: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stop = (): void => void child.kill('SIGTERM');
  options.signal?.addEventListener('abort', stop, { once: true });
  try {
    const { code, stdout, log } = await ended(child, options.onLine);
    options.signal?.throwIfAborted();
    if (code === 0) return stdout;
    throw stepError(`${command} ${args.slice(0, 3).join(' ')}`, code, `${stdout}\n${log}`);
  } finally {
    options.signal?.removeEventListener('abort', stop);
  }
}

function ended(
  child: ChildProcess,
  onLine?: (line: string) => void,
): Promise<{ code: number | null; stdout: string; log: string }> {
  let stdout = '';
  let log = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    for (const line of chunk.toString().split('\n')) if (line.trim() !== '') onLine?.(line.trim());
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-LOG_CHARACTERS);
    for (const line of chunk.toString().split('\n')) if (line.trim() !== '') onLine?.(line.trim());
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, log }));
  });
}

/** Faults of pip and uv by what they print. */
const FAULTS: readonly { pattern: RegExp; code: string; message: string; hint: string }[] = [
  {
    pattern: /DO NOT MATCH THE HASHES|hash mismatch/i,
    code: 'HASH_MISMATCH',
    message: 'A package is not the one that the lock file names: its hash differs.',
    hint: 'Check which index pip or uv is set up for; nothing of that package was installed.',
  },
  {
    pattern: /no space left|disk quota|Errno 28/i,
    code: 'DISK_FULL',
    message: 'The disk is full.',
    hint: 'Free some space, and run the same command again: what is installed stays.',
  },
  {
    pattern: /No matching distribution|no version of|Could not find a version|unsatisfiable|has no wheels/i,
    code: 'PACKAGE_UNAVAILABLE',
    message: 'The package index has no build of a pinned package for this machine and Python.',
    hint: 'Try another Python (3.11 to 3.13) with --python, or an index that has the build (WINNOW_TORCH_INDEX for PyTorch).',
  },
  {
    pattern: /Temporary failure in name|connect|timed out|Max retries|ProxyError|SSLError|dns error/i,
    code: 'INDEX_UNREACHABLE',
    message: "The package index can't be reached.",
    hint: 'Check the network; pip and uv take an index and a proxy from their own settings (PIP_INDEX_URL, UV_DEFAULT_INDEX, HTTPS_PROXY). Then run the same command again: what is installed stays.',
  },
];

function stepError(command: string, code: number | null, log: string): WinnowError {
  const lines = log.split('\n').filter((line) => line.trim() !== '');
  const fault = FAULTS.find(({ pattern }) => pattern.test(log));
  const last = (fault === undefined ? lines.at(-1) : lines.find((line) => fault.pattern.test(line)))?.trim() ?? '';
  return new WinnowError({
    code: fault?.code ?? 'SETUP_FAILED',
    message: `${fault?.message ?? `"${command}" failed with exit code ${code}.`} It said: ${last.slice(0, 300)}.`,
    hint: fault?.hint ?? 'Run the same command again: what is installed stays. WINNOW_DEBUG=1 shows the whole log.',
  });
}
