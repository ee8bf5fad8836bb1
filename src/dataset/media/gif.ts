/** The first frame of a GIF as Pillow reads it: what is see-through keeps the colour that it has in the palette. */
export interface OpaqueGif {
  /** The file without its mark of transparency. */
  bytes: Uint8Array;
  /** Colour of what lies outside of the first frame. */
  ground: readonly [number, number, number];
  /** Where the first frame lies: left, top, width and height. */
  frame: readonly [number, number, number, number];
}

/**
 * Takes transparency out of the first frame of a GIF: decoders blacken what is see-through, where Pillow's
 * `convert("RGB")` shows the palette's colour.
 *
 * @returns undefined where the file has no first frame that can be found
 */
export function opaqueGif(source: Uint8Array): OpaqueGif | undefined {
  const bytes = Uint8Array.from(source);
  let palette = sizeOfPalette(bytes[10] ?? 0) > 0 ? 13 : undefined;
  let clear = 0;
  for (let at = 13 + sizeOfPalette(bytes[10] ?? 0); at + 10 <= bytes.length; ) {
    if (bytes[at] === 0x2c) {
      if (sizeOfPalette(bytes[at + 9]!) > 0) palette = at + 10;
      const colour = (palette ?? bytes.length) + 3 * clear;
      const word = (i: number): number => bytes[at + i]! + 256 * bytes[at + i + 1]!;
      return {
        bytes,
        ground: [bytes[colour] ?? 0, bytes[colour + 1] ?? 0, bytes[colour + 2] ?? 0],
        frame: [word(1), word(3), word(5), word(7)],
      };
    }
    if (bytes[at] !== 0x21) return undefined;
    if (bytes[at + 1] === 0xf9 && bytes[at + 2]! >= 4) {
      if ((bytes[at + 3]! & 1) === 1) clear = bytes[at + 6]!;
      bytes[at + 3]! &= ~1;
    }
    at += 2;
    while (at < bytes.length && bytes[at] !== 0) at += bytes[at]! + 1;
    at += 1;
  }
  return undefined;
}

/** Bytes of a palette, from the flags of a screen or a frame. */
function sizeOfPalette(flags: number): number {
  return (flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1);
}
