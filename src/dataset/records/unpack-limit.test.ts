import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, it } from 'vitest';
import { openDataset } from '../open/open.ts';
import { unpackLimit } from './unpack-limit.ts';

afterEach(() => {
  delete process.env.WINNOW_UNPACK_LIMIT;
});

it('stops a file that grows beyond two hundred times its size, and lets more be allowed', () => {
  const target = join(tmpdir(), 'x');
  const grow = (packed: number, bytes: number) => () => unpackLimit('/x.gz', packed, target)(bytes);
  expect(grow(1e3, 400e6)).not.toThrow();
  expect(grow(1e6, 600e6)).toThrow('Unpacked, this file of 1 MB has more than 512 MB');
  expect(grow(1e9, 1e18)).toThrow('that the disk has to spare');
  process.env.WINNOW_UNPACK_LIMIT = '2GB';
  expect(grow(1e6, 600e6)).not.toThrow();
  process.env.WINNOW_UNPACK_LIMIT = 'much';
  expect(grow(1e6, 1)).toThrow('WINNOW_UNPACK_LIMIT is "much", which is no size');
});

it('leaves nothing of a refused file, of its copy or its index, for the next opening', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'winnow-bomb-'));
  const cacheDir = join(folder, 'indexes');
  process.env.WINNOW_UNPACK_LIMIT = '100kB';
  writeFileSync(join(folder, 'bomb.jsonl.gz'), gzipSync(Buffer.alloc(1 << 20, ' ')));
  writeFileSync(join(folder, 'odd.jsonl.gz'), gzipSync('{"some":"thing"}\n'));
  writeFileSync(join(folder, 'none.jsonl.gz'), gzipSync('{"conversations":[{"from":"human"}]}\n'));
  for (const [name, code] of [
    ['bomb', 'UNPACKED_TOO_LARGE'],
    ['odd', 'FORMAT_UNKNOWN'],
    ['none', 'NO_ROW_READABLE'],
  ]) {
    await expect(openDataset(join(folder, `${name}.jsonl.gz`), { cacheDir })).rejects.toMatchObject({ code });
    expect(readdirSync(cacheDir)).toEqual([]);
  }
});
