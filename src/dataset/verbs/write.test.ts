import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { outputGuard } from '../../base/files/output-guard.ts';
import { resolveMedia } from '../media/media.ts';
import type { Sample } from '../sample.ts';
import { writeDataset } from './write.ts';

const PIXEL = 'data:image/png;base64,iVBORw0KGgo=';
let root: string;
let media: string;

const sample = (id: string, path: string): Sample => ({
  id,
  messages: [
    {
      role: 'user',
      parts: [
        { type: 'image', image: 0 },
        { type: 'text', text: 'What?' },
      ],
    },
    { role: 'assistant', parts: [{ type: 'text', text: 'A kite.' }] },
  ],
  media: { images: [{ path }], videos: [] },
  meta: {},
});

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'winnow-write-'));
  media = join(root, 'media');
  mkdirSync(join(media, 'images'), { recursive: true });
  mkdirSync(join(media, 'other'));
  for (const name of ['images/a.jpg', 'a.jpg', 'other/A.jpg']) writeFileSync(join(media, name), name);
  writeFileSync(join(root, 'secret.jpg'), 'secret');
});

describe('resolveMedia', () => {
  it('stays inside the media root', () => {
    symlinkSync(join(root, 'secret.jpg'), join(media, 'door.jpg'));
    symlinkSync(root, join(media, 'up'));
    for (const path of [
      '../secret.jpg',
      join(root, 'secret.jpg'),
      'door.jpg',
      'up/secret.jpg',
      'images/../../secret.jpg',
      'file:///etc/passwd',
      'a\0.jpg',
    ]) {
      expect(() => resolveMedia({ mediaRoot: media }, { path }), path).toThrow(
        expect.objectContaining({ code: 'MEDIA_OUTSIDE_ROOT' }),
      );
    }
    expect(resolveMedia({ mediaRoot: media, allow: [root] }, { path: 'door.jpg' })).toMatchObject({ kind: 'file' });
    expect(resolveMedia({ mediaRoot: media }, { path: 'images/a.jpg' })).toEqual({
      kind: 'file',
      path: join(media, 'images/a.jpg'),
    });
    expect(resolveMedia({ mediaRoot: media }, { path: join(media, 'a.jpg') })).toMatchObject({ kind: 'file' });
  });

  it('fetches nothing, decodes data URIs, and names what is missing', () => {
    expect(() => resolveMedia({ mediaRoot: media }, { path: 'https://x.org/a.jpg' })).toThrow(
      expect.objectContaining({ code: 'MEDIA_REMOTE' }),
    );
    expect(() => resolveMedia({ mediaRoot: media }, { path: 'no.jpg' })).toThrow(
      expect.objectContaining({ code: 'MEDIA_MISSING' }),
    );
    expect(() => resolveMedia({ mediaRoot: media }, { path: 'data:image/png;base64,%%%' })).toThrow(
      expect.objectContaining({ code: 'MEDIA_DATA_URI' }),
    );
    expect(resolveMedia({ mediaRoot: media }, { path: PIXEL })).toMatchObject({
      kind: 'data',
      mime: 'image/png',
      bytes: Buffer.from('iVBORw0KGgo=', 'base64'),
    });
  });
});

describe('writeDataset', () => {
  const write = (samples: Sample[], mode: 'keep' | 'link' | 'copy' | 'embed', out = join(root, 'out', 'd.json')) =>
    writeDataset({
      guard: outputGuard({ force: true }),
      samples,
      format: 'llava',
      out,
      media: mode,
      mediaRoot: media,
    });
  const images = (file: string): string[] =>
    (JSON.parse(readFileSync(file, 'utf8')) as { image: string }[]).map((record) => record.image);

  it.each(['link', 'copy'] as const)(
    '%s: every medium once, no two under one name, also where case is ignored',
    async (mode) => {
      const paths = ['images/a.jpg', 'a.jpg', 'other/A.jpg', 'images/a.jpg', 'images/../a.jpg', PIXEL];
      const written = await write(
        paths.map((path, i) => sample(`${i}`, path)),
        mode,
      );
      expect(written).toMatchObject({ rows: 6, mediaFiles: 4, lost: [] });
      const names = images(written.files[0]!);
      expect(names[0]).toBe('images/a.jpg');
      expect(names[3]).toBe(names[0]);
      expect(names[4]).toBe(names[1]);
      expect(names.slice(0, 3).map((name) => readFileSync(join(root, 'out', name), 'utf8'))).toEqual(paths.slice(0, 3));
      const before = readdirSync(join(root, 'out', 'images'));
      await write(
        paths.map((path, i) => sample(`${i}`, path)),
        mode,
      );
      expect(readdirSync(join(root, 'out', 'images'))).toEqual(before);
      if (mode === 'link') {
        const made = lstatSync(join(root, 'out', 'images/a.jpg'));
        expect(made.isSymbolicLink() || made.nlink > 1).toBe(true);
        expect(resolveMedia({ mediaRoot: join(root, 'out') }, { path: names[0]! })).toMatchObject({ kind: 'file' });
      }
    },
  );

  it('embeds as data URIs, keeps paths when told to', async () => {
    expect(images((await write([sample('a', 'a.jpg')], 'embed')).files[0]!)).toEqual([
      `data:image/jpeg;base64,${Buffer.from('a.jpg').toString('base64')}`,
    ]);
    expect(images((await write([sample('a', '../x.jpg')], 'keep')).files[0]!)).toEqual(['../x.jpg']);
  });

  it('reads nothing outside of the media root and reports it', async () => {
    const written = await write(
      [sample('s', '../secret.jpg'), sample('m', 'no.jpg'), sample('u', 'https://x.org/a.jpg')],
      'embed',
    );
    expect(written.lost).toEqual([
      { what: 'file outside of the media root', count: 1, ids: ['s'] },
      { what: 'file that is not there', count: 1, ids: ['m'] },
    ]);
    expect(images(written.files[0]!)).toEqual(['../secret.jpg', 'no.jpg', 'https://x.org/a.jpg']);
  });

  it('writes nothing through a link that leads out of the folder', async () => {
    mkdirSync(join(root, 'out'));
    mkdirSync(join(root, 'elsewhere'));
    symlinkSync(join(root, 'elsewhere'), join(root, 'out', 'images'));
    await expect(write([sample('a', 'a.jpg')], 'copy')).rejects.toMatchObject({ code: 'WRITE_OUTSIDE' });
    expect(readdirSync(join(root, 'elsewhere'))).toEqual([]);
    expect(readdirSync(join(root, 'out'))).toEqual(['images']);
  });

  it('leaves nothing behind when the samples fail half way', async () => {
    async function* broken(): AsyncGenerator<Sample> {
      yield sample('a', 'a.jpg');
      throw new Error('interrupted');
    }
    const out = join(root, 'new', 'd.json');
    await expect(
      writeDataset({ samples: broken(), format: 'llava', out, media: 'copy', mediaRoot: media }),
    ).rejects.toThrow('interrupted');
    expect(existsSync(join(root, 'new'))).toBe(false);
  });

  it('adds its entry to a dataset_info.json that is there', async () => {
    mkdirSync(join(root, 'out'));
    writeFileSync(join(root, 'out', 'dataset_info.json'), '{"other": {"file_name": "o.json"}}');
    await writeDataset({
      samples: [sample('a', 'a.jpg')],
      format: 'sharegpt',
      out: join(root, 'out', 'mine.jsonl'),
      mediaRoot: media,
    });
    expect(Object.keys(JSON.parse(readFileSync(join(root, 'out', 'dataset_info.json'), 'utf8')))).toEqual([
      'other',
      'mine',
    ]);
    expect(readFileSync(join(root, 'out', 'mine.jsonl'), 'utf8').split('\n')).toHaveLength(2);
  });
});
