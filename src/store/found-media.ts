import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { z } from 'zod';
import { WinnowError } from '../base/errors.ts';
import { writeFileAtomic } from '../base/files/atomic.ts';
import { makeFolder } from '../base/files/make-folder.ts';
import { isRegularFile } from '../base/files/regular-file.ts';
import { sha256 } from '../dataset/canonical.ts';

const Files = z.record(z.string(), z.string());

/**
 * Keep where media were found whose paths lead nowhere, under a name that its content gives.
 *
 * @returns the file, as `winnow.yaml` names it
 */
export async function writeFoundMedia(
  project: string,
  folder: string,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const text = `${JSON.stringify(files, null, 1)}\n`;
  const file = join(folder, `${Buffer.from(sha256(text)).toString('hex').slice(0, 16)}.json`);
  makeFolder(folder);
  await writeFileAtomic(file, text);
  return relative(project, file).replaceAll('\\', '/');
}

/** Where the media of a data set were found, by their paths in the data; read when the first is asked for. */
export function readFoundMedia(file: string): (path: string) => string | undefined {
  let files: Map<string, string> | undefined;
  return (path) => {
    files ??= new Map(Object.entries(parseFiles(file)));
    return files.get(path);
  };
}

/** @throws WinnowError `FOUND_MEDIA_MISSING` */
function parseFiles(file: string): Record<string, string> {
  try {
    if (isRegularFile(file)) return Files.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    // Told below: what it says can't be used.
  }
  throw new WinnowError({
    code: 'FOUND_MEDIA_MISSING',
    message: 'The file that says where media were found is gone or damaged.',
    where: { file },
    hint: 'Import the data set again with --find-media.',
  });
}
