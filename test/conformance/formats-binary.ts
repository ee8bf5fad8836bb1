import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { DuckDBListType, DuckDBStructType, DuckDBType } from '@duckdb/node-api';
import { openDuck, quote } from '../../src/base/duckdb.ts';
import type { Sample } from '../../src/dataset/sample.ts';
import { writeDataset } from '../../src/dataset/verbs/write.ts';

/**
 * Check `parquet_schema.json`: a Parquet file of the samples without videos has these Arrow types, and this value of
 * the metadata key `huggingface`. Returns what differs.
 */
export async function checkParquetSchema(path: string, samples: readonly Sample[]): Promise<string | undefined> {
  const expected: unknown = JSON.parse(await readFile(path, 'utf8'));
  return inFolder(async (folder) => {
    const held = samples.filter((sample) => sample.media.videos.length === 0);
    const { files } = await writeDataset({ samples: held, format: 'parquet', out: folder, mediaRoot: folder });
    const duck = await openDuck({ folder, temporary: folder, threads: 1 });
    try {
      const file = quote(files[0]!);
      const rows = await duck.alone((connection) => connection.runAndReadAll(`FROM read_parquet(${file})`));
      const types = rows.columnTypes().map(arrowName);
      const metadata = await duck.alone((connection) =>
        connection.runAndReadAll(
          `SELECT decode(value) FROM parquet_kv_metadata(${file}) WHERE key = 'huggingface'::BLOB`,
        ),
      );
      const got = {
        arrow_schema: Object.fromEntries(rows.columnNames().map((name, i) => [name, types[i]])),
        schema_metadata_huggingface: JSON.parse(String(metadata.getRows()[0]?.[0])) as unknown,
      };
      return difference(expected, got);
    } finally {
      duck.close();
    }
  });
}

/** Check `webdataset_members.json`: a shard of the samples has these members in this order. Returns what differs. */
export async function checkTarMembers(path: string, samples: readonly Sample[]): Promise<string | undefined> {
  const expected: unknown = JSON.parse(await readFile(path, 'utf8'));
  return inFolder(async (folder) => {
    // Names are what is checked; any bytes will do for the media.
    for (const { path: medium } of samples.flatMap(({ media }) => [...media.images, ...media.videos])) {
      await mkdir(join(folder, dirname(medium)), { recursive: true });
      await writeFile(join(folder, medium), medium);
    }
    const { files } = await writeDataset({ samples, format: 'webdataset', out: folder, mediaRoot: folder });
    const { extract: createExtract } = await import('tar-stream');
    const extract = createExtract();
    extract.end(await readFile(files[0]!));
    const names: string[] = [];
    for await (const entry of extract) {
      names.push(entry.header.name);
      entry.resume();
    }
    return difference(Array.isArray(expected) ? expected.map(oneEnding()) : expected, names);
  });
}

/**
 * The fixture keeps the ending of each file; readers take endings for columns, so that one kind has that of its first.
 */
function oneEnding(): (name: string) => string {
  const endings = new Map<string, string>();
  return (name) =>
    name.replace(/\.(v?)(\d+)(\.\w+)$/, (_, kind: string, index: string, own: string) => {
      if (!endings.has(kind)) endings.set(kind, own);
      return `.${kind}${index}${endings.get(kind)}`;
    });
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'winnow-conform-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function difference(expected: unknown, got: unknown): string | undefined {
  const [want, have] = [JSON.stringify(expected), JSON.stringify(got)];
  return want === have ? undefined : `expected ${want}, got ${have}`;
}

/** `DuckDBTypeId` of lists and structs. */
const LIST = 24;
const STRUCT = 25;
const PLAIN: Record<string, string> = { VARCHAR: 'string', BLOB: 'binary', BIGINT: 'int64', DOUBLE: 'double' };

/** DuckDB's type as Arrow writes it: `list<struct<role:string>>`. */
function arrowName(type: DuckDBType): string {
  if (type.typeId === LIST) return `list<${arrowName((type as DuckDBListType).valueType)}>`;
  if (type.typeId !== STRUCT) return PLAIN[type.toString()] ?? type.toString();
  const { entryNames, entryTypes } = type as DuckDBStructType;
  return `struct<${entryNames.map((name, i) => `${name}:${arrowName(entryTypes[i]!)}`).join(',')}>`;
}
