import { appendFile, readFile, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { z } from 'zod';
import { withDiskErrors } from '../base/files/disk-errors.ts';
import { digestOf, type OutputGuard, outputGuard } from '../base/files/output-guard.ts';
import { locate } from '../dataset/open/locate.ts';
import { openDataset } from '../dataset/open/open.ts';
import { keepSources, readTogether, type SourceFiles, sourceFiles } from '../dataset/source-files.ts';
import { CONFIG_FILE, type DatasetEntry, readConfig } from './config.ts';
import { readFoundMedia } from './found-media.ts';
import { withLock } from './lock.ts';
import type { Project } from './project.ts';

/**
 * A file that a command of the project wrote: its bytes, or of a medium, of which there are many, size and time. The
 * path starts from the project.
 */
const Written = z.union([
  z.object({ path: z.string(), sha256: z.string() }),
  z.object({ path: z.string(), size: z.number(), mtimeMs: z.number() }),
]);
type Written = z.infer<typeof Written>;

/**
 * Guards what is there against the commands of a project. They know their outputs, as `.winnow/outputs.jsonl` notes
 * them; one that was edited since is no longer theirs.
 *
 * @param force replace files of others too; sources and media of the project's data sets stay in any case
 */
export async function projectOutputs(
  project: Project,
  { force }: { force?: boolean | undefined },
): Promise<OutputGuard> {
  const file = join(project.paths.root, 'outputs.jsonl');
  const known = await readWritten(file);
  const name = (path: string): string => {
    const inside = relative(project.folder, resolve(path));
    return inside.startsWith('..') || isAbsolute(inside) ? resolve(path) : inside;
  };
  const note = async (entries: readonly Written[]): Promise<void> => {
    const fresh = entries.filter((entry) => !known.get(entry.path)?.some((old) => isSame(old, entry)));
    if (fresh.length === 0) return;
    for (const entry of fresh) known.set(entry.path, [...(known.get(entry.path) ?? []), entry]);
    // Begins on a line of its own, whatever a crash has left.
    const lines = fresh.map((entry) => `\n${JSON.stringify(entry)}`).join('');
    await withLock(project.locks, 'outputs', () => withDiskErrors(file, () => appendFile(file, lines)));
  };
  const keeps = keepSources(projectSources(project.folder));
  return outputGuard({
    force,
    keeps: async (path, how) =>
      isOfProject(path, project.folder) ? 'part of the project itself' : await keeps(path, how),
    async isOwn(path) {
      const entries = known.get(name(path)) ?? [];
      if (entries.length === 0) return false;
      const { size, mtimeMs } = await stat(path);
      if (entries.some((entry) => 'size' in entry && entry.size === size && entry.mtimeMs === mtimeMs)) return true;
      if (!entries.some((entry) => 'sha256' in entry)) return false;
      const sha256 = await digestOf(path);
      return entries.some((entry) => 'sha256' in entry && entry.sha256 === sha256);
    },
    note: (path, sha256) => note([{ path: name(path), sha256 }]),
    async noteMedia(paths) {
      const entries: Written[] = [];
      for (const path of paths) {
        const { size, mtimeMs } = await stat(path);
        entries.push({ path: name(path), size, mtimeMs });
      }
      await note(entries);
    },
  });
}

/** Files of the data sets of the project in a folder; none where there is no project. */
function projectSources(folder: string): SourceFiles[] {
  let entries: DatasetEntry[];
  try {
    entries = readConfig(folder).datasets;
  } catch {
    return [];
  }
  return entries.map((entry) => entrySources(folder, entry));
}

/** Data sets of the projects that a path lies in, besides those of `folder`. */
export function sourcesAround(folder: string, out: string): SourceFiles[] {
  const folders = new Set([resolve(folder)]);
  for (let at = resolve(out); ; at = resolve(at, '..')) {
    folders.add(at);
    if (at === resolve(at, '..')) break;
  }
  return [...folders].flatMap((at) => projectSources(at));
}

function entrySources(
  folder: string,
  { name, path, format, images, allow = [], options = {}, foundMedia }: DatasetEntry,
) {
  const given = resolve(folder, path);
  const mediaRoot = images === undefined ? undefined : resolve(folder, images);
  const files = [given];
  try {
    const dataset = typeof options.dataset === 'string' ? options.dataset : undefined;
    const located = locate(given, { format, dataset });
    files.splice(0, 1, ...readTogether(located.path, { ...located.options, ...options }));
  } catch {
    // It can't be found now: what stands under its path is kept.
  }
  let media: Promise<ReadonlySet<string> | undefined> | undefined;
  const readMedia = async (): Promise<ReadonlySet<string> | undefined> => {
    try {
      const how = {
        name,
        format,
        images: mediaRoot,
        options,
        allow: allow.map((one) => resolve(folder, one)),
        found: foundMedia === undefined ? undefined : readFoundMedia(resolve(folder, foundMedia)),
      };
      const dataset = await openDataset(given, how);
      try {
        return await sourceFiles(dataset).media();
      } finally {
        await dataset.close();
      }
    } catch {
      return undefined;
    }
  };
  const root = mediaRoot ?? resolve(files[0]!, '..');
  return {
    label: `data set "${name}"`,
    files,
    mediaFolders: [root, given, ...allow.map((one) => resolve(folder, one))],
    media: () => (media ??= readMedia()),
  };
}

function isOfProject(path: string, folder: string): boolean {
  const inside = relative(folder, resolve(path));
  return inside === CONFIG_FILE || /^\.winnow($|[\\/])/.test(inside);
}

function isSame(a: Written, b: Written): boolean {
  if ('sha256' in a) return 'sha256' in b && a.sha256 === b.sha256;
  return 'size' in b && a.size === b.size && a.mtimeMs === b.mtimeMs;
}

async function readWritten(file: string): Promise<Map<string, Written[]>> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const known = new Map<string, Written[]>();
  for (const line of text.split('\n').filter((one) => one !== '')) {
    try {
      const entry = Written.parse(JSON.parse(line));
      known.set(entry.path, [...(known.get(entry.path) ?? []), entry]);
    } catch {
      // Half a line that a crash has left.
    }
  }
  return known;
}
