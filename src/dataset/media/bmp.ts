/** What a Windows bitmap's headers say; `broken` where its pixels can't all be there. */
export interface BmpHeader {
  width: number;
  height: number;
  bits: number;
  isTopDown: boolean;
  /** 0: none, 1: RLE of 8 bits, 2: RLE of 4 bits, 3: masks. */
  compression: number;
  /** Where the pixels begin. */
  offset: number;
  /** Colours of the palette, and where they begin with how many bytes each. */
  palette: { at: number; size: number; colours: number };
  masks: readonly [red: number, green: number, blue: number];
  broken?: string;
}

const NO_PIXELS = { bits: 0, isTopDown: false, compression: 0, offset: 0, masks: [0, 0, 0] } as const;

/** Reads the headers of all versions, OS/2's included. Source: Microsoft, "Bitmap Storage"; Pillow `BmpImagePlugin`. */
export function bmpHeader(bytes: Buffer): BmpHeader {
  const size = bytes.length >= 26 ? bytes.readUInt32LE(14) : 0;
  const none = { ...NO_PIXELS, width: 0, height: 0, palette: { at: 0, size: 4, colours: 0 } };
  if (size < 12 || bytes.length < 14 + Math.min(size, 40)) return { ...none, broken: 'a BMP without a whole header' };
  const isOld = size === 12;
  const width = isOld ? bytes.readUInt16LE(18) : bytes.readInt32LE(18);
  const rows = isOld ? bytes.readUInt16LE(20) : bytes.readInt32LE(22);
  const height = Math.abs(rows);
  const bits = bytes.readUInt16LE(isOld ? 24 : 28);
  if (width <= 0 || height === 0) return { ...none, broken: `a BMP of ${width} x ${height} pixels` };
  const compression = isOld || size < 40 ? 0 : bytes.readUInt32LE(30);
  const used = isOld || size < 40 ? 0 : bytes.readUInt32LE(46);
  const offset = bytes.readUInt32LE(10);
  // Masks stand behind a short header or inside of a long one: at the same place.
  const isMasked = compression === 3 && bytes.length >= 66;
  const masks = isMasked
    ? ([bytes.readUInt32LE(54), bytes.readUInt32LE(58), bytes.readUInt32LE(62)] as const)
    : bits === 16
      ? ([0x7c00, 0x3e0, 0x1f] as const)
      : ([0xff0000, 0xff00, 0xff] as const);
  const palette = { at: 14 + size, size: isOld ? 3 : 4, colours: bits <= 8 ? used || 2 ** bits : 0 };
  const header = { width, height, bits, isTopDown: !isOld && rows < 0, compression, offset, palette, masks };
  if (![1, 4, 8, 16, 24, 32].includes(bits) || compression > 3)
    return { ...header, broken: `a BMP of ${bits} bits with compression ${compression}, which Pillow doesn't read` };
  const needed = offset + Math.ceil((width * bits) / 32) * 4 * height;
  return (compression === 0 || compression === 3) && bytes.length < needed
    ? { ...header, broken: `truncated: the file has ${bytes.length} of ${needed} bytes` }
    : header;
}

/** The pixels of a bitmap as RGB of 8 bits, as `PIL.Image.open(path).convert('RGB')` gives them. */
export function decodeBmp(bytes: Buffer, header: BmpHeader): Uint8Array {
  const { width, height, bits, isTopDown, compression, offset } = header;
  const out = new Uint8Array(width * height * 3);
  const line = (row: number): number => (isTopDown ? row : height - 1 - row) * width * 3;
  if (bits <= 8) {
    const indices = compression === 0 ? plainIndices(bytes, header) : runs(bytes, header);
    const { at, size, colours } = header.palette;
    for (let row = 0; row < height; row++)
      for (let x = 0; x < width; x++) {
        const index = indices[row * width + x]!;
        // Beyond the palette there is no colour, and Pillow takes black.
        if (index >= colours) continue;
        const colour = at + index * size;
        for (let c = 0; c < 3; c++) out[line(row) + x * 3 + c] = bytes[colour + 2 - c]!;
      }
    return out;
  }
  const step = bits / 8;
  const stride = Math.ceil((width * bits) / 32) * 4;
  const channels = header.masks.map((mask) => {
    const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask);
    return { mask, shift, most: Math.max(1, mask >>> shift) };
  });
  for (let row = 0; row < height; row++)
    for (let x = 0; x < width; x++) {
      const at = offset + row * stride + x * step;
      if (at + step > bytes.length) break;
      const to = line(row) + x * 3;
      const pixel = bytes.readUIntLE(at, step);
      for (const [c, { mask, shift, most }] of channels.entries())
        out[to + c] = Math.trunc((((pixel & mask) >>> shift) * 255) / most);
    }
  return out;
}

function plainIndices(bytes: Buffer, { width, height, bits, offset }: BmpHeader): Uint8Array {
  const indices = new Uint8Array(width * height);
  const stride = Math.ceil((width * bits) / 32) * 4;
  const most = 2 ** bits - 1;
  for (let row = 0; row < height; row++)
    for (let x = 0; x < width; x++) {
      const bit = x * bits;
      const byte = bytes[offset + row * stride + (bit >> 3)] ?? 0;
      indices[row * width + x] = (byte >> (8 - bits - (bit & 7))) & most;
    }
  return indices;
}

/**
 * Run lengths: pairs of count and colour; behind a zero the end of a line or of all, a jump, or colours as they are.
 */
function runs(bytes: Buffer, { width, height, bits, offset }: BmpHeader): Uint8Array {
  const indices = new Uint8Array(width * height);
  const isNibbles = bits === 4;
  let [x, y] = [0, 0];
  const put = (index: number): void => {
    if (x < width && y < height) indices[y * width + x] = index;
    x++;
  };
  const pick = (byte: number, i: number): number => (!isNibbles ? byte : i % 2 === 0 ? byte >> 4 : byte & 15);
  for (let at = offset; at + 1 < bytes.length && y < height; ) {
    const count = bytes[at]!;
    const value = bytes[at + 1]!;
    at += 2;
    if (count > 0) for (let i = 0; i < count; i++) put(pick(value, i));
    else if (value === 0) [x, y] = [0, y + 1];
    else if (value === 1) break;
    else if (value === 2) {
      x += bytes[at] ?? 0;
      y += bytes[at + 1] ?? 0;
      at += 2;
    } else {
      const length = isNibbles ? Math.ceil(value / 2) : value;
      for (let i = 0; i < value; i++) put(pick(bytes[at + (isNibbles ? i >> 1 : i)] ?? 0, i));
      at += length + (length % 2);
    }
  }
  return indices;
}
