import { join, parse } from 'node:path';
import type { Format, Probe, WriteOptions } from '../format.ts';
import { unpackedSource } from '../records/container-source.ts';
import { filesLike, shardFiles, shardsInside, TAR_FILE } from '../records/shard-files.ts';
import type { Sample } from '../sample.ts';
import { readColumns } from './columns.ts';
import { sizeOption } from './size-option.ts';
import { typedLimits, typedRecord } from './typed-record.ts';
import { readTars } from './webdataset-read.ts';
import { openTarSink } from './webdataset-write.ts';

/**
 * WebDataset: tar shards in which `<key>.json`, `<key>.0.jpg`, `<key>.1.jpg` ... stand next to each other. The id stays
 * in the json; the key is made of it without dots and slashes. Reads that, images with `txt`, `cls` or any `json` (see
 * `readColumns`); one archive, packed or not, a folder of shards, or `shard-{000000..000009}.tar`.
 * Options: `shard-rows` (10000), `shard-bytes` (1GB), `split` picks shards when reading.
 */
export const webdataset: Format = {
  name: 'webdataset',
  order: 110,
  keepsObjects: true,
  title: 'WebDataset',
  container: 'own',
  holdsMedia: 'all',
  extension: '.tar',

  sniff(probe: Probe) {
    const isShards = probe.isFolder && shardsInside(probe.path, TAR_FILE).length > 0;
    if (isShards) return { confidence: 0.9, because: 'the folder holds tar files' };
    const isTar = Buffer.from(probe.head.subarray(257, 262)).toString('latin1') === 'ustar';
    if (isTar) return { confidence: 1, because: 'a tar archive' };
    if (!probe.isFolder && probe.container === 'none' && TAR_FILE.test(probe.path))
      return { confidence: 0.5, because: 'a file named .tar' };
    return { confidence: 0, because: 'not a tar archive' };
  },

  holdsPreferences: true,
  read: readColumns,
  write: (sample: Sample) => [typedRecord(sample)],
  cannotHold: typedLimits,

  async openSource(probe, options, given, room) {
    const files = shardFiles(probe.isFolder ? given : probe.path, TAR_FILE, options);
    return unpackedSource(files, room, ({ media }) => readTars({ files, media, ...room }));
  },

  shardsThere(main) {
    const { dir, base } = parse(main);
    return base === `data${webdataset.extension}` ? filesLike(dir, /^shard-\d{6}\.tar$/) : [];
  },

  openSink(main, { options }: WriteOptions, load) {
    const { dir, base } = parse(main);
    const isShards = base === `data${webdataset.extension}`;
    return openTarSink({
      paths: (shards) =>
        isShards
          ? Array.from({ length: shards }, (_, i) => join(dir, `shard-${String(i).padStart(6, '0')}.tar`))
          : [main],
      shardRows: isShards ? sizeOption(options, 'shard-rows', 10_000) : Number.POSITIVE_INFINITY,
      shardBytes: isShards ? sizeOption(options, 'shard-bytes', 1e9) : Number.POSITIVE_INFINITY,
      gzip: /\.(gz|tgz)$/i.test(main),
      load,
    });
  },
};
