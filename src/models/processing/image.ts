import { longestSize, tiledSize } from '../../cost/image-tokens/tile-sizes.ts';
import { roundHalfEven } from '../../numeric/round.ts';
import type { RgbImage } from '../types.ts';
import type { ImageConfig, TargetSize } from './image-config.ts';
import { resize } from './resample.ts';

/** Pictures of one image, normalised, before anything is known of tokens. */
export interface Pixels {
  /** `tiles x 3 x height x width`, row-major. */
  values: Float32Array;
  tiles: number;
  height: number;
  width: number;
  /** Rows and columns of tiles; 0 where the image isn't cut. */
  rows: number;
  cols: number;
}

/** Runs an image through its processor's steps, equal to the PIL backend of `transformers`. */
export function preprocessImage(image: RgbImage, config: ImageConfig): Pixels {
  if (config.kind === 'tiled') {
    const { tiles, rows, cols } = cutIntoTiles(image, config);
    return { ...normalise(tiles, config), rows, cols };
  }
  let picture = image;
  if (config.padToSquare) picture = padToSquare(picture, config.mean);
  if (config.resize !== undefined) picture = resizeTo(picture, config.resize, config);
  if (config.crop !== undefined) picture = centerCrop(picture, config.crop.height, config.crop.width);
  return { ...normalise([picture], config), rows: 0, cols: 0 };
}

function resizeTo(image: RgbImage, size: TargetSize, config: ImageConfig): RgbImage {
  const [height, width] = outputSize(image.height, image.width, size);
  return resize(image, width, height, config.filter);
}

/** Height and width after a resize step; truncation and not rounding, as `transformers` does. */
function outputSize(height: number, width: number, size: TargetSize): [number, number] {
  if (size.kind === 'exact') return [size.height, size.width];
  if (size.kind === 'longest') {
    const longest = longestSize({ width, height }, size.edge);
    return [longest.height, longest.width];
  }
  if (size.longest !== undefined) return shortestBelow(height, width, size.edge, size.longest);
  const [short, long] = width <= height ? [width, height] : [height, width];
  const newLong = Math.trunc((size.edge * long) / short);
  return width <= height ? [newLong, size.edge] : [size.edge, newLong];
}

/** Shortest edge with an upper bound for the longest. */
function shortestBelow(height: number, width: number, edge: number, longest: number): [number, number] {
  let target = edge;
  let exact: number | undefined;
  const [short, long] = [Math.min(height, width), Math.max(height, width)];
  if ((long / short) * edge > longest) {
    exact = (longest * short) / long;
    target = roundHalfEven(exact);
  }
  if ((height <= width && height === target) || (width <= height && width === target)) return [height, width];
  if (width < height) return [Math.trunc(((exact ?? target) * height) / width), target];
  return [target, Math.trunc(((exact ?? target) * width) / height)];
}

function cutIntoTiles(image: RgbImage, config: ImageConfig): { tiles: RgbImage[]; rows: number; cols: number } {
  const { tile, filter } = config;
  const resized = config.resize === undefined ? image : resizeTo(image, config.resize, config);
  if (!config.split) return { tiles: [resize(resized, tile, tile, filter)], rows: 0, cols: 0 };
  const { width, height } = tiledSize(resized, tile);
  const whole = resize(resized, width, height, filter);
  if (whole.height <= tile && whole.width <= tile) return { tiles: [whole], rows: 0, cols: 0 };
  const rows = whole.height / tile;
  const cols = whole.width / tile;
  const tiles: RgbImage[] = [];
  for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) tiles.push(crop(whole, r * tile, c * tile, tile, tile));
  tiles.push(resize(whole, tile, tile, filter));
  return { tiles, rows, cols };
}

function crop(image: RgbImage, top: number, left: number, height: number, width: number): RgbImage {
  const data = new Uint8Array(height * width * 3);
  for (let y = 0; y < height; y++) {
    const start = ((top + y) * image.width + left) * 3;
    data.set(image.data.subarray(start, start + width * 3), y * width * 3);
  }
  return { width, height, data };
}

/** The middle of an image; where it is smaller than the crop, black surrounds it. */
function centerCrop(image: RgbImage, height: number, width: number): RgbImage {
  const top = Math.floor((image.height - height) / 2);
  const left = Math.floor((image.width - width) / 2);
  if (top >= 0 && left >= 0) return crop(image, top, left, height, width);
  const data = new Uint8Array(height * width * 3);
  const offsetY = -top;
  const offsetX = -left;
  for (let y = Math.max(0, offsetY); y < Math.min(height, offsetY + image.height); y++) {
    const from = Math.max(0, -offsetX);
    const n = Math.min(image.width - from, width - Math.max(0, offsetX));
    const start = ((y - offsetY) * image.width + from) * 3;
    data.set(image.data.subarray(start, start + n * 3), (y * width + Math.max(0, offsetX)) * 3);
  }
  return { width, height, data };
}

/** LLaVA's `expand2square` with the mean colour, truncated to 8 bits. */
function padToSquare(image: RgbImage, mean: readonly number[]): RgbImage {
  if (image.width === image.height) return image;
  const edge = Math.max(image.width, image.height);
  const data = new Uint8Array(edge * edge * 3);
  const colour = mean.map((m) => Math.trunc(m * 255));
  for (let i = 0; i < data.length; i++) data[i] = colour[i % 3]!;
  const top = Math.floor((edge - image.height) / 2);
  const left = Math.floor((edge - image.width) / 2);
  for (let y = 0; y < image.height; y++) {
    const row = image.data.subarray(y * image.width * 3, (y + 1) * image.width * 3);
    data.set(row, ((top + y) * edge + left) * 3);
  }
  return { width: edge, height: edge, data };
}

/**
 * 8 bits -> `(x * scale - mean) / std` in channel-first order; 256 values a channel, so by table, in float32 steps like
 * numpy's.
 */
function normalise(pictures: readonly RgbImage[], config: ImageConfig): Omit<Pixels, 'rows' | 'cols'> {
  const { height, width } = pictures[0]!;
  const plane = height * width;
  const values = new Float32Array(pictures.length * 3 * plane);
  for (let c = 0; c < 3; c++) {
    const table = new Float32Array(256);
    for (let v = 0; v < 256; v++) {
      const scaled = Math.fround(v * config.scale);
      const shifted = Math.fround(scaled - Math.fround(config.mean[c]!));
      table[v] = config.normalise ? shifted / Math.fround(config.std[c]!) : scaled;
    }
    pictures.forEach((picture, t) => {
      const base = (t * 3 + c) * plane;
      for (let i = 0; i < plane; i++) values[base + i] = table[picture.data[i * 3 + c]!]!;
    });
  }
  return { values, tiles: pictures.length, height, width };
}
