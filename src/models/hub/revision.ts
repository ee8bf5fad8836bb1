import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../base/files/make-folder.ts';

/** Files that can change a number: configurations, templates, vocabularies, graphs and weights. */
const DECIDES = /\.(json|jinja|txt|model|onnx|safetensors)$|\.onnx[._]data|\.bin$|\.data$/;

interface Known {
  size: number;
  mtimeMs: number;
  sha256: string;
}

/**
 * SHA-256 over the names and contents of a folder's files that decide the model's numbers. A file is read again only
 * when its size or its modification time has changed since the last call (kept in `cacheDir`).
 */
export async function folderRevision(folder: string, files: readonly string[], cacheDir: string): Promise<string> {
  const notes = join(cacheDir, 'revisions', `${createHash('sha256').update(folder).digest('hex').slice(0, 32)}.json`);
  const before = await readNotes(notes);
  const after: Record<string, Known> = {};
  const whole = createHash('sha256');
  let changed = false;
  for (const file of [...files].sort()) {
    if (!DECIDES.test(file) || file.split('/').some((part) => part.startsWith('.'))) continue;
    const { size, mtimeMs } = await stat(join(folder, file));
    let known = before[file];
    if (known === undefined || known.size !== size || known.mtimeMs !== mtimeMs) {
      known = { size, mtimeMs, sha256: await sha256Of(join(folder, file)) };
      changed = true;
    }
    after[file] = known;
    whole.update(`${file}\0${known.sha256}\n`);
  }
  if (changed) await writeNotes(notes, after);
  return whole.digest('hex');
}

/** SHA-256 of a file, read as a stream. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function readNotes(path: string): Promise<Record<string, Known>> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Record<string, Known>;
  } catch {
    // Absent or damaged notes only cost reading the files again.
    return {};
  }
}

async function writeNotes(path: string, notes: Record<string, Known>): Promise<void> {
  try {
    makeFolder(join(path, '..'));
    const partial = `${path}.${process.pid}`;
    await writeFile(partial, JSON.stringify(notes));
    await rename(partial, path);
  } catch {
    // A cache that can't be written makes the next call slower and nothing else.
  }
}
