import { crc32 } from 'node:zlib';

/**
 * CRC-32 of bytes that follow one another; `sum` is that of what lies before them. It finds every damage of up to 32
 * consecutive bits, at a gigabyte a second.
 */
export function checksum(parts: readonly Uint8Array[], sum = 0): number {
  // Node may hand zlib no address for an empty array, and zlib then begins again at 0.
  return parts.reduce((all, part) => (part.length === 0 ? all : crc32(part, all)), sum);
}
