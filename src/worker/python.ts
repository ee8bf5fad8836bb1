import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WinnowError } from '../base/errors.ts';

/** The Python that runs the worker, and the folder of its package. */
export interface WorkerPython {
  python: string;
  folder: string;
}

/** `WINNOW_PYTHON`, else the clone's own environment. @throws WinnowError `WORKER_MISSING` */
export function findPython(): WorkerPython {
  const folder = join(packageRoot(), 'worker');
  const own = join(folder, '.venv', process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  const python = process.env.WINNOW_PYTHON || own;
  if (existsSync(join(folder, 'winnow_worker')) && existsSync(python)) return { python, folder };
  throw new WinnowError({
    code: 'WORKER_MISSING',
    message: `this needs the Python worker, and there is no Python at ${python}`,
    hint: 'In a clone run: node scripts/setup.mjs python. Else point WINNOW_PYTHON at a Python with torch, transformers, pyarrow and fastjsonschema.',
    exitCode: 2,
  });
}

function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}
