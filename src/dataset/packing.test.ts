import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { decompress } from 'fzstd';
import { describe, expect, it } from 'vitest';
import { openDataset } from './open/open.ts';
import { packerFor } from './records/compress.ts';
import { writeDataset } from './verbs/write.ts';

const room = (): string => mkdtempSync(join(tmpdir(), 'winnow-pack-'));
const LINES = 'test/goldens/formats/neutral.jsonl';
const bytes = readFileSync(LINES);

async function zstd(...parts: Buffer[]): Promise<Buffer> {
  const out: Uint8Array[] = [];
  for (const part of parts) {
    const packer = await packerFor('x.zst');
    out.push(await packer.push(part), await packer.end());
  }
  return Buffer.concat(out);
}

const half = Math.floor(bytes.length / 2);
const packers = {
  gz: async (...parts: Buffer[]) => Buffer.concat(parts.map((part) => gzipSync(part))),
  zst: zstd,
};

describe.each(Object.entries(packers))('%s', (extension, pack) => {
  it('is read like the plain file, at any name, with members one after another, by rows and from the cache', async () => {
    const plain = await openDataset(LINES);
    const folder = room();
    const packed = await pack(bytes.subarray(0, half), bytes.subarray(half));
    const names = [`neutral.jsonl.${extension}`, 'neutral.jsonl'];
    for (const [run, name] of [...names, names[0]!].entries()) {
      const path = join(folder, name);
      if (run < 2) writeFileSync(path, packed);
      const dataset = await openDataset(path, run === 1 ? {} : { cacheDir: join(folder, 'cache') });
      expect(dataset.hash).toBe(plain.hash);
      expect(dataset.name).toBe('neutral');
      expect(dataset.path).toBe(path);
      expect(dataset.detected).toContain(`compressed with ${extension === 'gz' ? 'gzip' : 'zstd'}`);
      expect(await dataset.get([3, 0])).toEqual(await plain.get([3, 0]));
      await dataset.close();
    }
    expect(readdirSync(join(folder, 'cache')).toSorted()).toEqual([
      expect.stringMatching(/\.(index|unpacked)$/),
      expect.stringMatching(/\.(index|unpacked)$/),
    ]);
    await plain.close();
  });

  it('says where a stream ends too early or is damaged, and leaves nothing', async () => {
    const folder = room();
    const path = join(folder, `x.jsonl.${extension}`);
    const whole = await pack(bytes);
    const cache = join(folder, 'cache');
    mkdirSync(cache);
    for (const cut of [whole.length - 1, whole.length - 9, 12]) {
      writeFileSync(path, whole.subarray(0, cut));
      await expect(openDataset(path, { cacheDir: cache })).rejects.toMatchObject({
        code: 'FILE_PACKING_DAMAGED',
        where: { file: path, offset: cut },
      });
    }
    expect(readdirSync(cache)).toEqual([]);
  });

  it('is written by the name of the file, the same bytes every time, and reads back', async () => {
    const folder = room();
    const from = await openDataset(LINES);
    const samples = (await from.get([0, 1, 2, 3])).filter((sample) => sample !== null);
    const write = (name: string) =>
      writeDataset({ samples, format: 'neutral', out: join(folder, name), mediaRoot: folder });
    await write('plain.jsonl');
    for (const name of [`a.jsonl.${extension}`, `b.jsonl.${extension}`]) await write(name);
    const packed = readFileSync(join(folder, `a.jsonl.${extension}`));
    const unpacked = extension === 'gz' ? gunzipSync(packed) : Buffer.from(decompress(packed));
    expect(unpacked.equals(readFileSync(join(folder, 'plain.jsonl')))).toBe(true);
    expect(packed.equals(readFileSync(join(folder, `b.jsonl.${extension}`)))).toBe(true);
    const back = await openDataset(join(folder, `a.jsonl.${extension}`));
    expect(back.hash).toBe(from.hash);
    await Promise.all([from.close(), back.close()]);
  });
});
