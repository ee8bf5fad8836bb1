import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Names of data sets, selections or runs of a project, read from its files as they lie there: a Tab must not wait for a
 * project to open. Empty where there is no project, and where a file can't be read: the command itself says why.
 */
export async function projectNames(folder: string, kind: string): Promise<string[]> {
  if (!existsSync(join(folder, 'winnow.yaml'))) return [];
  try {
    switch (kind) {
      case 'dataset':
        return await datasetNames(folder);
      case 'selection':
        return await fileNames(join(folder, '.winnow', 'selections'), /^([^.].*)\.json$/);
      case 'run':
        return await fileNames(join(folder, '.winnow', 'runs'), /^([^.].*)$/);
      default:
        return [];
    }
  } catch {
    return [];
  }
}

async function datasetNames(folder: string): Promise<string[]> {
  const { parse } = await import('yaml');
  const config = parse(await readFile(join(folder, 'winnow.yaml'), 'utf8')) as { datasets?: { name?: unknown }[] };
  return (config.datasets ?? []).map(({ name }) => String(name));
}

async function fileNames(folder: string, pattern: RegExp): Promise<string[]> {
  if (!existsSync(folder)) return [];
  return (await readdir(folder)).flatMap((name) => pattern.exec(name)?.[1] ?? []).sort();
}
