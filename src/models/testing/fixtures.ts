import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { makeFolder } from '../../base/files/make-folder.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Python of the worker's environment: `WINNOW_PYTHON`, else `worker/.venv`; undefined when neither is there. */
export function workerPython(): string | undefined {
  const python = process.env.WINNOW_PYTHON ?? join(ROOT, 'worker', '.venv', 'bin', 'python');
  return existsSync(python) ? python : undefined;
}

/**
 * Folder of reference values that a script in `worker/tests/reference` writes; made once for each content of the script
 * and version of the libraries, under `.setup/fixtures`. Those of earlier contents are removed.
 * @param reads files of `worker/` whose content the values depend on.
 */
export async function referenceFixtures(
  python: string,
  script: string,
  reads: readonly string[] = [],
): Promise<string> {
  const run = promisify(execFile);
  const file = join(ROOT, 'worker', 'tests', 'reference', script);
  const { stdout: versions } = await run(python, [
    '-c',
    "from importlib.metadata import version as v; print([v(p) for p in ('transformers','tokenizers','pillow','torch')])",
  ]);
  const hash = createHash('sha256').update(versions);
  for (const path of [file, ...reads.map((name) => join(ROOT, 'worker', name))]) hash.update(await readFile(path));
  const key = hash.digest('hex').slice(0, 16);
  const folder = join(ROOT, '.setup', 'fixtures', `${script.replace('.py', '')}-${key}`);
  if (existsSync(folder)) return folder;
  makeFolder(join(ROOT, '.setup', 'fixtures'));
  const partial = `${folder}.${process.pid}`;
  await rm(partial, { recursive: true, force: true });
  const path = [join(ROOT, 'worker'), join(ROOT, 'worker', 'tests')].join(delimiter);
  const env = { ...process.env, HF_HUB_OFFLINE: '1', PYTHONPATH: path };
  await run(python, [file, partial], { maxBuffer: 2 ** 26, env });
  // Another test process may have made it in the meantime; both are the same.
  await rename(partial, folder).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    await rm(partial, { recursive: true, force: true });
  });
  for (const name of await readdir(join(folder, '..'))) {
    const earlier = name.startsWith(`${script.replace('.py', '')}-`) && !folder.endsWith(name) && !name.includes('.');
    if (earlier) await rm(join(folder, '..', name), { recursive: true, force: true });
  }
  return folder;
}
