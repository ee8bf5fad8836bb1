import { mediaTypeOf } from './media-type.ts';

/**
 * Why an image that a decoder refuses can't be decoded, from its own bytes: the same words on every run and machine,
 * whatever the decoder says.
 */
export function damageOf(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'the file is empty';
  const type = mediaTypeOf(bytes);
  if (type === undefined) return 'it is no image: its first bytes are those of no known kind';
  if (type.kind !== 'image') return `it is no image but ${type.name}`;
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (isCut(type.name, data)) return `truncated: the file ends before the ${type.name} image does`;
  if (type.readers !== undefined) return `${type.name} images are not decoded here`;
  return `damaged: the content of the ${type.name} image can't be decoded`;
}

function isCut(type: string, data: Buffer): boolean {
  switch (type) {
    case 'JPEG':
      return !jpegEnds(data);
    case 'PNG':
      return !pngEnds(data);
    case 'WebP':
      return data.length < 12 || data.readUInt32LE(4) + 8 > data.length;
    case 'GIF':
      // Behind the last frame stands a semicolon, and sometimes zeros.
      return data[data.findLastIndex((byte) => byte !== 0)] !== 0x3b;
    case 'BMP':
      return data.readUInt32LE(2) > data.length;
    default:
      return false;
  }
}

/** The marker of the end stands behind the start of the scan; a thumbnail in a segment before it has markers too. */
function jpegEnds(data: Buffer): boolean {
  let at = 2;
  while (at + 4 <= data.length && data[at] === 0xff && data[at + 1] !== 0xda) at += 2 + data.readUInt16BE(at + 2);
  return data.indexOf(Buffer.from([0xff, 0xd9]), at) >= 0;
}

/** Every chunk is there in full, up to `IEND`. */
function pngEnds(data: Buffer): boolean {
  for (let at = 8; at + 12 <= data.length; at += 12 + data.readUInt32BE(at))
    if (data.toString('latin1', at + 4, at + 8) === 'IEND') return true;
  return false;
}
