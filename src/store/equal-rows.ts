import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { FINGERPRINT_BYTES, readTrailer } from './shard-trailer.ts';

/** Where the numbers of equal rows were measured before: for each row of a shard a file and the place in it, or -1. */
export interface EqualRows {
  /** First row of the shard. */
  start: number;
  /** Rows of the shard that have such numbers. */
  count: number;
  files: readonly string[];
  file: Int32Array;
  place: Int32Array;
}

/** A shard that is missing, with the fingerprints of its rows. */
export interface WantedShard {
  start: number;
  end: number;
  fingerprints: Uint8Array;
}

/** Shards of a folder that were measured as `identity` says, whichever rows they hold. */
export function sourcesOf(folder: string, prefix: string, identity: Uint8Array): string[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names
    .filter((name) => name.startsWith(prefix) && name.endsWith('.parquet'))
    .map((name) => join(folder, name))
    .filter((path) => Buffer.compare(readTrailer(path)?.identity ?? NOTHING, identity) === 0)
    .sort();
}

const NOTHING = new Uint8Array(0);
const NEVER = '\0'.repeat(FINGERPRINT_BYTES);

/** For each wanted shard the rows whose numbers are in one of the files. */
export function findEqualRows(wanted: readonly WantedShard[], files: readonly string[]): EqualRows[] {
  const places = new Map<string, [file: number, place: number] | undefined>();
  for (const { fingerprints } of wanted) for (const print of printsOf(fingerprints)) places.set(print, undefined);
  places.delete(NEVER);
  for (const [file, path] of files.entries()) {
    for (const [place, print] of printsOf(readTrailer(path)?.fingerprints ?? NOTHING).entries()) {
      if (places.has(print) && places.get(print) === undefined) places.set(print, [file, place]);
    }
  }
  return wanted.map(({ start, end, fingerprints }) => {
    const file = new Int32Array(end - start).fill(-1);
    const place = new Int32Array(end - start).fill(-1);
    let count = 0;
    for (const [row, print] of printsOf(fingerprints).entries()) {
      const found = places.get(print);
      if (found === undefined) continue;
      [file[row], place[row]] = found;
      count++;
    }
    return { start, count, files, file, place };
  });
}

function printsOf(fingerprints: Uint8Array): string[] {
  const text = Buffer.from(fingerprints.buffer, fingerprints.byteOffset, fingerprints.length).toString('latin1');
  return Array.from({ length: fingerprints.length / FINGERPRINT_BYTES }, (_, row) =>
    text.slice(row * FINGERPRINT_BYTES, (row + 1) * FINGERPRINT_BYTES),
  );
}
