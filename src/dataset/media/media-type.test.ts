import { describe, expect, it } from 'vitest';
import { dataUriOf, mediaExtension, mediaKind, mediaTypeNamed, mediaTypeOf, mediaTypeOfMime } from './media-type.ts';

const ftyp = (major: string, ...others: string[]): Buffer => {
  const body = Buffer.from(`ftyp${major}\0\0\0\0${others.join('')}`, 'latin1');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length + 4);
  return Buffer.concat([length, body]);
};

describe('mediaTypeOf', () => {
  it.each([
    ['HEIC', ftyp('heic', 'mif1')],
    ['HEIC', ftyp('mif1', 'heic')],
    ['AVIF', ftyp('avif')],
    ['AVIF', ftyp('mif1', 'avif', 'miaf')],
    ['MP4', ftyp('isom', 'avc1')],
    ['QuickTime', ftyp('qt  ')],
    ['WebM', Buffer.from('\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm', 'latin1')],
    ['Matroska', Buffer.from('\x1a\x45\xdf\xa3\x9f\x42\x82\x88matroska', 'latin1')],
    ['TIFF', Buffer.from('MM\0*1234', 'latin1')],
    ['PNM', Buffer.from('P6\n# a comment\n2 2\n255\n', 'latin1')],
  ])('knows %s by its first bytes', (name, bytes) => {
    expect(mediaTypeOf(bytes)?.name).toBe(name);
  });

  it('takes no text for a picture', () => {
    for (const text of ['BM and more words than a header has', 'P1 is the first of them', '{"a": 1}', ''])
      expect(mediaTypeOf(Buffer.from(text))).toBeUndefined();
  });
});

it('names a HEIC as one wherever it is asked', () => {
  const heic = ftyp('heic', 'mif1');
  expect(mediaExtension(heic)).toBe('.heic');
  expect(mediaKind('.HEIF')).toBe('image');
  expect(mediaTypeOfMime('image/heif; q=1')?.name).toBe(mediaTypeNamed('.heic')?.name);
  expect(dataUriOf(heic, '.mp4')).toMatch(/^data:image\/heic;base64,/);
  expect(dataUriOf(Buffer.from('x'), '.jpe')).toMatch(/^data:image\/jpeg;/);
});
