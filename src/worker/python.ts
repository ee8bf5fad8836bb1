import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { WinnowError } from '../base/errors.ts';
import { userDataFolder } from '../base/files/data-folder.ts';
import { packageRoot } from '../base/files/package-root.ts';

/** The Python that runs the worker, and the folder of its package. */
export interface WorkerPython {
  python: string;
  folder: string;
}

/** The command that makes or repairs the worker's environment. */
export const SETUP_WORKER = 'winnow setup worker';

/** The environment that `winnow setup worker` makes. */
export function workerEnvironment(): string {
  return join(userDataFolder(), 'worker');
}

/** The interpreter of a virtual environment. */
export function pythonOf(environment: string): string {
  return join(environment, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
}

/** Where the worker's Python may be, in the order in which it is looked for. */
export function pythonPlaces(): string[] {
  if (process.env.WINNOW_PYTHON) return [process.env.WINNOW_PYTHON];
  return [pythonOf(join(packageRoot(), 'worker', '.venv')), pythonOf(workerEnvironment())];
}

/**
 * `WINNOW_PYTHON`, else the clone's own environment, else that of `winnow setup worker`.
 *
 * @throws WinnowError `WORKER_MISSING`
 */
export function findPython(): WorkerPython {
  const folder = join(packageRoot(), 'worker');
  const places = pythonPlaces();
  const python = places.find((place) => existsSync(place));
  if (python !== undefined) return { python, folder };
  const named = process.env.WINNOW_PYTHON;
  throw new WinnowError({
    code: 'WORKER_MISSING',
    message:
      named === undefined
        ? `This needs the Python worker, which is not set up: there is no Python at ${places.join(' or ')}.`
        : `This needs the Python worker, and WINNOW_PYTHON names "${named}", which is not there.`,
    hint: named === undefined ? `Run: ${SETUP_WORKER}` : `Correct WINNOW_PYTHON, or unset it and run: ${SETUP_WORKER}`,
    exitCode: 2,
  });
}
