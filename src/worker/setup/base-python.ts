import { spawnSync } from 'node:child_process';
import { WinnowError } from '../../base/errors.ts';

/** Says version and whether a virtual environment with pip can be made. */
const PROBE = 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])';
const NAMES = ['python3.13', 'python3.12', 'python3.11', 'python3', 'python'];

/** A Python 3.11 or newer that the worker's environment can be made with. */
export interface BasePython {
  command: string;
  version: string;
}

/** @param named the only one to try @throws WinnowError `PYTHON_MISSING` */
export function findBasePython(named?: string): BasePython {
  const names = named === undefined ? NAMES : [named];
  const refused: string[] = [];
  for (const command of names) {
    const { error, status, stdout, stderr } = spawnSync(command, ['-c', PROBE], { encoding: 'utf8' });
    if (error !== undefined) continue;
    if (status !== 0) {
      if (/ensurepip|venv/.test(stderr)) refused.push(`${command} lacks venv`);
      continue;
    }
    const version = stdout.trim();
    const [major = 0, minor = 0] = version.split('.').map(Number);
    if (major === 3 && minor >= 11) return { command, version };
    refused.push(`${command} is ${version}`);
  }
  const seen = refused.length === 0 ? '' : ` Found: ${refused.join(', ')}.`;
  throw new WinnowError({
    code: 'PYTHON_MISSING',
    message: `The worker needs Python 3.11 or newer with venv; looked for ${names.join(', ')}.${seen}.`,
    hint: 'Install it (Debian and Ubuntu: apt-get install python3 python3-venv), or name one with --python PATH.',
    exitCode: 2,
  });
}
