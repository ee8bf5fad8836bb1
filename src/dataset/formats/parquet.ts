import { basename, join, parse } from 'node:path';
import { WinnowError } from '../../base/errors.ts';
import type { Format, Probe, WriteOptions } from '../format.ts';
import { unpackedSource } from '../records/container-source.ts';
import { filesLike, PARQUET_FILE, shardFiles, shardsInside } from '../records/shard-files.ts';
import type { Sample } from '../sample.ts';
import { readColumns } from './columns.ts';
import { readParquet } from './parquet-read.ts';
import { openParquetSink } from './parquet-write.ts';
import { sizeOption } from './size-option.ts';
import { typedLimits, typedRecord } from './typed-record.ts';

/**
 * Parquet as Hugging Face `datasets` reads it without a cast: `messages` of typed parts, `images` as structs of bytes
 * and name, further columns beside them. Reads that and the tables that people publish (see `readColumns`), one file or
 * a folder of shards. Options: `split` names the shards (`train-00000-of-00001.parquet`) and picks them when reading;
 * `shard-bytes` (500MB); `features: 'sequence'` spells the metadata for datasets below 4 too.
 */
export const parquet: Format = {
  name: 'parquet',
  order: 100,
  keepsObjects: true,
  title: 'Hugging Face Parquet',
  container: 'own',
  holdsMedia: 'images',
  extension: '.parquet',

  sniff(probe: Probe) {
    const isShards = probe.isFolder && shardsInside(probe.path, PARQUET_FILE).length > 0;
    if (isShards) return { confidence: 0.95, because: 'the folder holds Parquet files' };
    const isFile = Buffer.from(probe.head.subarray(0, 4)).toString('latin1') === 'PAR1';
    return isFile ? { confidence: 1, because: 'a Parquet file' } : { confidence: 0, because: 'not Parquet' };
  },

  holdsPreferences: true,
  holdsNonFinite: true,
  read: readColumns,
  write: (sample: Sample) => [typedRecord(sample)],

  cannotHold(sample: Sample) {
    return [...typedLimits(sample), ...(isUnicode(sample) ? [] : ['text that is not valid Unicode'])];
  },

  async openSource(probe, options, given, room) {
    const files = shardFiles(probe.isFolder ? given : probe.path, PARQUET_FILE, options);
    return unpackedSource(files, room, ({ media, temporary, onTypes }) =>
      readParquet({ files, media, temporary, onTypes, ...room }),
    );
  },

  shardsThere(main, write) {
    const { dir, split, isShards } = target(main, write);
    const numbers = /^-\d{5}-of-\d{5}\.parquet$/;
    return isShards
      ? filesLike(dir, PARQUET_FILE).filter(
          (file) => basename(file).startsWith(split) && numbers.test(basename(file).slice(split.length)),
        )
      : [];
  },

  openSink(main, write, load) {
    const { options } = write;
    const { dir, split, isShards } = target(main, write);
    const number = (n: number): string => String(n).padStart(5, '0');
    return openParquetSink({
      paths: (shards) =>
        isShards
          ? Array.from({ length: shards }, (_, i) => join(dir, `${split}-${number(i)}-of-${number(shards)}.parquet`))
          : [main],
      shardBytes: isShards ? sizeOption(options, 'shard-bytes', 500e6) : Number.POSITIVE_INFINITY,
      spelling: options.features === 'sequence' ? 'sequence' : 'list',
      columnTypes: write.columnTypes,
      load,
    });
  },
};

/** `data.parquet` is the name of a folder's main file, which Parquet writes as shards of a split. */
function target(main: string, { options }: WriteOptions): { dir: string; split: string; isShards: boolean } {
  const { dir, base } = parse(main);
  const split = typeof options.split === 'string' ? options.split : 'train';
  if (!/^[\w.-]+$/.test(split)) {
    throw new WinnowError({
      code: 'OPTION_INVALID',
      message: `The split "${split}" can't be part of a file name.`,
      hint: 'Use letters, digits, dots, dashes and underscores.',
      exitCode: 2,
    });
  }
  return { dir, split, isShards: base === `data${parquet.extension}` };
}

/** False where some text holds half of a surrogate pair, which UTF-8 can't spell. */
function isUnicode(sample: Sample): boolean {
  let holds = true;
  JSON.stringify(sample, (key, value: unknown) => {
    if (/\p{Cs}/u.test(key) || (typeof value === 'string' && /\p{Cs}/u.test(value))) holds = false;
    return value;
  });
  return holds;
}
