import { statSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { withDiskErrors } from '../base/files/disk-errors.ts';
import { makeFolder } from '../base/files/make-folder.ts';
import { ColumnRecord } from './shard-file.ts';

const Shard = z.object({ file: z.string(), start: z.int(), end: z.int(), rows: z.string() });

/** What made a signal: everything that its numbers depend on, where they are, and what they cost. */
export const SignalEntry = z.object({
  kind: z.literal('signal'),
  time: z.string(),
  dataset: z.string(),
  datasetHash: z.string(),
  signal: z.string(),
  version: z.int(),
  revision: z.string(),
  params: z.record(z.string(), z.unknown()),
  columns: z.array(ColumnRecord),
  shards: z.array(Shard),
  about: z.record(z.string(), z.unknown()),
});
export type SignalEntry = z.infer<typeof SignalEntry>;

/** Anything else that was done: an import, a selection, an export. */
export const EventEntry = z.object({
  kind: z.enum(['import', 'fetch', 'selection', 'train', 'export', 'report']),
  time: z.string(),
  name: z.string(),
  about: z.record(z.string(), z.unknown()),
});
export type EventEntry = z.infer<typeof EventEntry>;

export const LineageEntry = z.discriminatedUnion('kind', [SignalEntry, EventEntry]);
export type LineageEntry = z.infer<typeof LineageEntry>;

/** Append one line; durable when this returns. Called under the project's lock `lineage`. */
export function appendLineage(file: string, entry: LineageEntry): Promise<void> {
  return withDiskErrors(file, () => append(file, entry));
}

async function append(file: string, entry: LineageEntry): Promise<void> {
  makeFolder(dirname(file));
  const handle = await open(file, 'a+');
  try {
    // A crash can leave half a line; what follows it must start on a new one.
    const { size } = await handle.stat();
    const last = Buffer.alloc(1);
    if (size > 0) await handle.read(last, 0, 1, size - 1);
    const lead = size > 0 && last[0] !== 0x0a ? '\n' : '';
    await handle.appendFile(`${lead}${JSON.stringify(entry)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A reader of a file's entries that parses them once, and again when the file has changed. */
export function lineageReader(file: string): () => Promise<readonly LineageEntry[]> {
  let known: { stamp: string; entries: Promise<readonly LineageEntry[]> } | undefined;
  return () => {
    const found = statSync(file, { throwIfNoEntry: false, bigint: true });
    const stamp = `${found?.ino} ${found?.size} ${found?.mtimeNs}`;
    if (known?.stamp !== stamp) known = { stamp, entries: readLineage(file) };
    return known.entries;
  };
}

/** All entries, oldest first. Half a line left by a crash, and lines of a later version, are passed over. */
async function readLineage(file: string): Promise<LineageEntry[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return text.split('\n').flatMap((line) => {
    try {
      const parsed = LineageEntry.safeParse(JSON.parse(line));
      return parsed.success ? [parsed.data] : [];
    } catch {
      return [];
    }
  });
}
