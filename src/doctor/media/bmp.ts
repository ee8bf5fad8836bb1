import type { HeaderFacts } from './decode-facts.ts';

/**
 * Size and mode of a Windows bitmap from its header, which libvips can't decode and Pillow can; `broken` where pixels
 * are missing.
 */
export function bmpHeader(bytes: Buffer): { header?: HeaderFacts; broken?: string } {
  const headerSize = bytes.length >= 30 ? bytes.readUInt32LE(14) : 0;
  if (headerSize < 12) return { broken: "can't be decoded: a BMP without a header" };
  const isOld = headerSize === 12;
  const width = isOld ? bytes.readUInt16LE(18) : bytes.readInt32LE(18);
  const height = Math.abs(isOld ? bytes.readUInt16LE(20) : bytes.readInt32LE(22));
  const bits = bytes.readUInt16LE(isOld ? 24 : 28);
  if (width <= 0 || height === 0) return { broken: `can't be decoded: a BMP of ${width} x ${height} pixels` };
  const header = { width, height, orientation: 1, modes: bits <= 8 ? ['palette'] : [] };
  const isPlain = isOld || bytes.length < 34 || bytes.readUInt32LE(30) === 0;
  const needed = bytes.readUInt32LE(10) + Math.ceil((width * bits) / 32) * 4 * height;
  return isPlain && bytes.length < needed
    ? { header, broken: `truncated: ${bytes.length} of ${needed} bytes` }
    : { header };
}
