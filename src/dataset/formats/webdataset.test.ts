import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { pack } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { WinnowError } from '../../base/errors.ts';
import { outputGuard } from '../../base/files/output-guard.ts';
import { resolveMedia } from '../media/media.ts';
import { openDataset } from '../open/open.ts';
import type { Sample } from '../sample.ts';
import { writeDataset } from '../verbs/write.ts';
import { keyMaker, splitMember } from './webdataset-names.ts';

const room = (): string => mkdtempSync(join(tmpdir(), 'winnow-tar-'));
const JPEG = Buffer.from('ffd8ffe000104a464946', 'hex');

/** An archive of the given members, as other tools write it. */
async function tar(members: Record<string, string | Buffer>): Promise<Buffer> {
  const archive = pack();
  for (const [name, content] of Object.entries(members)) archive.entry({ name }, Buffer.from(content));
  archive.finalize();
  return buffer(archive);
}

function sample(id: string, images: string[]): Sample {
  return {
    id,
    messages: [
      { role: 'user', parts: images.map((_, image) => ({ type: 'image' as const, image })) },
      { role: 'assistant', parts: [{ type: 'text', text: `answer of ${id}` }] },
    ],
    media: { images: images.map((path) => ({ path })), videos: [] },
    meta: { source: 'test' },
  };
}

describe('names', () => {
  it('take apart as the library does: the key ends at the first dot of the last part', () => {
    expect(splitMember('a/b.c/d.0.JPG')).toEqual({ key: 'a/b.c/d', field: '0.jpg' });
    expect(splitMember('./s1.json')).toEqual({ key: 's1', field: 'json' });
    for (const name of ['README', 'a/.hidden', '__a.b__', 'dir.d/']) expect(splitMember(name)).toBeUndefined();
  });

  it('give every id a key of its own that holds no dot and no slash', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.oneof(fc.string(), fc.constantFrom('a.b', 'a/b', 'a_b', 'A_B', '../x', '')), {
          maxLength: 30,
        }),
        (ids) => {
          const keyOf = keyMaker();
          const keys = ids.map(keyOf);
          expect(new Set(keys.map((key) => key.toLowerCase())).size).toBe(ids.length);
          for (const key of keys) expect(splitMember(`${key}.json`)).toEqual({ key, field: 'json' });
        },
      ),
    );
  });
});

describe('writing', () => {
  it('puts shards of plain members, the same bytes each time, and reads them back by folder, braces and file', async () => {
    const folder = room();
    mkdirSync(join(folder, 'in/images'), { recursive: true });
    for (const name of ['1.jpg', '2.png']) writeFileSync(join(folder, 'in/images', name), `${name} pixels`);
    const samples = ['a.b/1', 'a_b_1', 'c'].map((id) =>
      sample(id, ['images/1.jpg', 'images/2.png', 'images/gone.jpg']),
    );
    const write = (out: string) =>
      writeDataset({
        samples,
        format: 'webdataset',
        out: join(folder, out),
        mediaRoot: join(folder, 'in'),
        options: { 'shard-rows': '2' },
      });
    const { files, lost } = await write('x');
    const again = await write('y');
    expect(files.map((file) => readFileSync(file))).toEqual(again.files.map((file) => readFileSync(file)));
    expect(lost).toEqual([{ what: 'file that is not there', count: 3, ids: samples.map(({ id }) => id) }]);
    expect(files).toEqual([join(folder, 'x/shard-000000.tar'), join(folder, 'x/shard-000001.tar')]);
    for (const path of [join(folder, 'x'), join(folder, 'x/shard-{000000..000001}.tar')]) {
      const dataset = await openDataset(path);
      expect(await dataset.get([0, 1, 2])).toEqual(samples);
      const media = resolveMedia(dataset, { path: 'images/2.png' });
      expect(media.kind === 'file' && readFileSync(media.path, 'utf8')).toBe('2.png pixels');
      await dataset.close();
    }
    await expect(openDataset(join(folder, 'x/shard-{000000..000002}.tar'))).rejects.toMatchObject({
      code: 'SHARD_MISSING',
    });
  });

  it('replaces shards all together, and only when it may', async () => {
    const folder = room();
    const write = (count: number, overwrite: boolean) =>
      writeDataset({
        samples: Array.from({ length: count }, (_, i) => sample(`s${i}`, [])),
        format: 'webdataset',
        out: folder,
        mediaRoot: folder,
        options: { 'shard-rows': 1 },
        guard: outputGuard({ force: overwrite }),
      });
    await write(3, false);
    await expect(write(1, false)).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' });
    await write(1, true);
    const dataset = await openDataset(folder);
    expect(dataset.rows).toBe(1);
    await dataset.close();
  });
});

describe('reading what others wrote', () => {
  const read = async (members: Record<string, string | Buffer>, name = 'x.tar') => {
    const path = join(room(), name);
    const bytes = await tar(members);
    writeFileSync(path, name.endsWith('gz') ? gzipSync(bytes) : bytes);
    const dataset = await openDataset(path);
    const samples = await dataset.get(dataset.ids.map((_, row) => row));
    const media = samples
      .flatMap((item) => (item === null ? [] : item.media.images))
      .map((ref) => resolveMedia(dataset, ref));
    const bytesBack = media.map((item) => (item.kind === 'file' ? readFileSync(item.path) : item.bytes));
    await dataset.close();
    return { samples, bytesBack };
  };

  it('takes a caption from txt, a class from cls, columns and turns from json', async () => {
    const { samples, bytesBack } = await read(
      {
        'a/000.jpg': JPEG,
        'a/000.txt': 'A kite.',
        'a/000.json': '{"width": 4}',
        'a/001.cls': '3',
        'a/001.jpg': Buffer.concat([JPEG, Buffer.from('x')]),
        'a/002.json':
          '{"id": "q", "conversations": [{"from": "human", "value": "<image>\\nWhat?"}, {"from": "gpt", "value": "That."}]}',
        'a/002.jpg': JPEG,
        'a/003.json': '{"broken',
      },
      'x.tgz',
    );
    expect(samples[0]).toMatchObject({ id: 'a/000', meta: { width: 4 } });
    expect(samples[0]!.messages[1]!.parts).toEqual([{ type: 'text', text: 'A kite.' }]);
    expect(samples[1]).toMatchObject({ id: 'a/001', meta: { cls: '3' } });
    expect(samples[2]!.messages[0]!.parts).toEqual([
      { type: 'image', image: 0 },
      { type: 'text', text: 'What?' },
    ]);
    expect(samples[3]).toBeNull();
    expect(bytesBack[0]).toEqual(JPEG);
    expect(bytesBack[2]).toEqual(JPEG);
  });

  it('never lets a member lead out of its folder', async () => {
    const { samples, bytesBack } = await read({ '../../evil.jpg': JPEG, '/abs.jpg': JPEG, '..\\w.jpg': JPEG });
    for (const item of samples) expect(item!.media.images[0]!.path).toMatch(/^[0-9a-f]{16}\.jpg$/);
    expect(bytesBack).toEqual([JPEG, JPEG]);
  });

  it('says where an archive is cut or damaged', async () => {
    const whole = await tar(
      Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`s${i}.txt`, 'text '.repeat(200)])),
    );
    const folder = room();
    let n = 0;
    const open = async (bytes: Buffer) => {
      const path = join(folder, `${n++}.tar`);
      writeFileSync(path, bytes);
      const dataset = await openDataset(path);
      await dataset.close();
    };
    for (const length of [600, 1024, 1536, 5000, whole.length - 1024])
      await expect(open(whole.subarray(0, length))).rejects.toMatchObject({
        code: 'TAR_TRUNCATED',
        where: { file: join(folder, `${n - 1}.tar`), offset: length },
      });
    const hurt = Buffer.from(whole);
    hurt[3 * 1536 + 10] = 0xff;
    await expect(open(hurt)).rejects.toMatchObject({ code: 'TAR_DAMAGED', where: { offset: 3 * 1536 } });
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(255), async (at, value) => {
        const bytes = Buffer.from(whole);
        bytes[at] = value;
        try {
          await open(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(WinnowError);
          expect((error as WinnowError).where.file).toBeDefined();
        }
      }),
      { numRuns: 60 },
    );
  });
});
