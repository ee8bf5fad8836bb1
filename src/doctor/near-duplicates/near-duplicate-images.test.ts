import fc from 'fast-check';
import sharp, { type Sharp } from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../numeric/philox.ts';
import { openImage, smallPicture } from '../media/decode-facts.ts';
import type { Picture } from './align.ts';
import { hammingIndex } from './hamming-search.ts';
import { type Hash64, hammingDistance, SIDE } from './perceptual-hash.ts';
import { align, CLOSE_SIDE, staysAligned } from './same-picture.ts';
import { fingerprint, pictureOf } from './signature.ts';

const RADIUS = 12;

/** Soft ground with thirty hard-edged blobs of their own colours: as busy as a photograph, another for each seed. */
async function photo(seed: number): Promise<Buffer> {
  const random = createRandom(seed, 'photo');
  const pixels = Uint8Array.from({ length: 7 * 6 * 3 }, () => random.below(256));
  const blobs = Array.from({ length: 30 }, () => {
    const [x, y, r] = [random.below(400), random.below(300), 4 + random.below(30)];
    return `<circle cx="${x}" cy="${y}" r="${r}" fill="rgb(${random.below(256)},${random.below(256)},${random.below(256)})"/>`;
  });
  const svg = Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="400" height="300">${blobs.join('')}</svg>`);
  const ground = sharp(pixels, { raw: { width: 7, height: 6, channels: 3 } }).resize(400, 300, { fit: 'fill' });
  return sharp(await ground.png().toBuffer())
    .composite([{ input: svg }])
    .flatten()
    .jpeg({ quality: 92 })
    .toBuffer();
}

/** One scene type: a grey board with the same blocks, of which one has another place or colour for each seed. */
async function board(seed: number): Promise<Buffer> {
  const place = seed % 8;
  const blocks = Array.from({ length: 8 }, (_, i) => {
    const fill = i === place ? (seed < 8 ? '#09f' : '#fd0') : '#000';
    return `<rect x="${20 + i * 45}" y="${i % 2 === 0 ? 30 : 60}" width="20" height="20" fill="${fill}"/>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="400" height="100"><rect width="400" height="100" fill="#ccc"/>${blocks.join('')}</svg>`;
  return sharp(Buffer.from(svg)).flatten().png().toBuffer();
}

interface Looked extends Hash64 {
  small: Picture;
  large: Picture;
}

async function look(bytes: Buffer): Promise<Looked> {
  const { image } = await openImage(bytes);
  const { signature, ...hash } = fingerprint(await smallPicture(image, SIDE));
  const large: Picture = { side: CLOSE_SIDE, channels: 3, data: await smallPicture(image, CLOSE_SIDE) };
  return { ...hash, small: pictureOf(signature), large };
}

function isDuplicate(a: Looked, b: Looked): boolean {
  if (hammingDistance(a.high, a.low, b.high, b.low) > RADIUS) return false;
  return staysAligned(a.large, b.large, align(a.small, b.small));
}

/** Cut `left` of the width off the left, and so on, then resized to `width`. */
function crop(image: Sharp, left: number, top: number, right: number, bottom: number): Sharp {
  const [x, y] = [Math.round(400 * left), Math.round(300 * top)];
  const [width, height] = [400 - x - Math.round(400 * right), 300 - y - Math.round(300 * bottom)];
  return image.extract({ left: x, top: y, width, height });
}

const CHANGES: Record<string, (image: Sharp) => Sharp> = {
  'JPEG of quality 30': (image) => image.jpeg({ quality: 30 }),
  PNG: (image) => image.png(),
  'WebP of quality 50': (image) => image.webp({ quality: 50 }),
  'half the size': (image) => image.resize({ width: 200 }).jpeg(),
  'another shape': (image) => image.resize(224, 224, { fit: 'fill' }).jpeg(),
  enlarged: (image) => image.resize({ width: 900 }).jpeg(),
  brighter: (image) => image.linear(1.2, 10).jpeg(),
  darker: (image) => image.linear(0.7, 0).jpeg(),
  'more contrast': (image) => image.linear(1.3, -30).jpeg(),
  grey: (image) => image.greyscale().jpeg(),
  blurred: (image) => image.blur(1.5).jpeg(),
  'cropped by 3 %': (image) => crop(image, 0.01, 0.02, 0.02, 0.01).jpeg(),
};

describe('pictures', () => {
  const PHOTOS = 24;
  let photos: Buffer[];
  let looked: Looked[];
  beforeAll(async () => {
    photos = await Promise.all(Array.from({ length: PHOTOS }, (_, seed) => photo(seed)));
    looked = await Promise.all(photos.map(look));
  });

  it.each(Object.entries(CHANGES))('are found again: %s', async (_, change) => {
    const changed = await Promise.all(photos.map(async (bytes) => look(await change(sharp(bytes)).toBuffer())));
    const found = changed.filter((one, i) => isDuplicate(looked[i]!, one)).length;
    expect(found).toBeGreaterThanOrEqual(Math.ceil(PHOTOS * 0.95));
  });

  it('are mostly found again after a crop of 5 % both ways, whose hash moves the most', async () => {
    const cropped = await Promise.all(
      photos.map(async (bytes) => look(await crop(sharp(bytes), 0.03, 0.02, 0.02, 0.03).jpeg().toBuffer())),
    );
    expect(cropped.filter((one, i) => isDuplicate(looked[i]!, one)).length).toBeGreaterThanOrEqual(PHOTOS * 0.75);
  });

  it('are not taken for others', () => {
    const pairs = looked.flatMap((a, i) => looked.slice(0, i).map((b) => [a, b] as const));
    expect(pairs.filter(([a, b]) => isDuplicate(a, b))).toHaveLength(0);
  });

  it('of one scene type are told apart by one block', async () => {
    const boards = await Promise.all(Array.from({ length: 16 }, async (_, seed) => look(await board(seed))));
    const near = boards.flatMap((a, i) =>
      boards
        .slice(0, i)
        .filter((b) => hammingDistance(a.high, a.low, b.high, b.low) <= RADIUS)
        .map((b) => [a, b] as const),
    );
    expect(near.length, 'hashes alone do not tell them apart').toBeGreaterThan(10);
    expect(near.filter(([a, b]) => isDuplicate(a, b))).toHaveLength(0);
  });
});

describe('hammingIndex', () => {
  it('finds what comparing all with all finds', () => {
    const random = createRandom(7, 'hashes');
    const count = 400;
    const high = Uint32Array.from({ length: count }, () => random.word());
    const low = Uint32Array.from({ length: count }, () => random.word());
    // Neighbours at every distance: each of the second half is one of the first with some bits turned.
    for (let i = count / 2; i < count; i++) {
      [high[i], low[i]] = [high[i - count / 2]!, low[i - count / 2]!];
      for (let flips = i % 18; flips > 0; flips--) {
        const bit = random.below(64);
        if (bit < 32) high[i]! ^= 1 << bit;
        else low[i]! ^= 1 << (bit - 32);
      }
    }
    fc.assert(
      fc.property(fc.nat(count - 1), fc.nat(15), (query, radius) => {
        const distances = Array.from(high, (_, i) => hammingDistance(high[query]!, low[query]!, high[i]!, low[i]!));
        const expected = [...distances.keys()].filter((i) => distances[i]! <= radius);
        const found = hammingIndex(high, low, radius).near(high[query]!, low[query]!);
        expect(found.toSorted((a, b) => a - b)).toEqual(expected);
        expect(found).toEqual(found.toSorted((a, b) => distances[a]! - distances[b]! || a - b));
      }),
      { numRuns: 60 },
    );
  });
});
