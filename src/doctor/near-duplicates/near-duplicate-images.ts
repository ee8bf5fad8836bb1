import type { ImageFacts } from '../media/inspect-image.ts';
import type { Picture } from './align.ts';
import { type HammingIndex, hammingIndex } from './hamming-search.ts';
import { align, staysAligned } from './same-picture.ts';
import { pictureOf, SIGNATURE_BYTES } from './signature.ts';

/**
 * How alike two images are: the same bytes, the same pixels in another file, or the same picture after re-encoding,
 * resizing, relighting or a slight crop.
 */
export type Likeness = 'bytes' | 'pixels' | 'near';

/** An image's duplicate, by number. */
export interface ImageDuplicate {
  of: number;
  likeness: Likeness;
}

/** What is looked at again of two images that seem to be the same. Undefined: it can't be read any more. */
export interface CloseUp {
  /** `CLOSE_SIDE` cells a side. */
  picture(): Promise<Picture | undefined>;
  /** SHA-256 of the decoded pixels. */
  pixels(): Promise<string | undefined>;
}

/** Images among which duplicates are looked for. */
export interface ImagePool {
  /** An image of lower number than `before` that is the same as this one, the most alike; undefined: none. */
  duplicateOf(facts: ImageFacts, closeUp: CloseUp, before?: number): Promise<ImageDuplicate | undefined>;
}

/**
 * Bits in which hashes of the same picture may differ. Re-encodings move up to 6, relighting 6, a crop of a twentieth
 * 10; unrelated photographs differ in 32 on average, and what comes close by chance is compared by its signature.
 */
const RADIUS = 12;
/**
 * Candidates compared for one image, the nearest first, and how many of them are decoded again: more only occur where
 * all is one scene.
 */
const MOST_CANDIDATES = 32;
const MOST_CLOSE_UPS = 4;

/**
 * @param images facts by number; images that couldn't be decoded are found by their bytes alone. @param closeUpOf for
 * the same numbers
 */
export function imagePool(
  images: readonly (ImageFacts | undefined)[],
  closeUpOf: (number: number) => CloseUp,
): ImagePool {
  const byContent = new Map<string, number>();
  const hashed: number[] = [];
  images.forEach((facts, number) => {
    if (facts?.sha256 === undefined || byContent.has(facts.sha256)) return;
    byContent.set(facts.sha256, number);
    // Of identical files the first stands for all.
    if (isComparable(facts)) hashed.push(number);
  });
  const signatures = new Uint8Array(hashed.length * SIGNATURE_BYTES);
  hashed.forEach((number, i) => {
    signatures.set(images[number]!.signature!, i * SIGNATURE_BYTES);
  });
  const signatureAt = (i: number) => signatures.subarray(i * SIGNATURE_BYTES, (i + 1) * SIGNATURE_BYTES);
  let index: HammingIndex | undefined;
  return {
    async duplicateOf(facts, closeUp, before = Number.POSITIVE_INFINITY) {
      const same = facts.sha256 === undefined ? undefined : byContent.get(facts.sha256);
      if (same !== undefined && same < before) return { of: same, likeness: 'bytes' };
      if (!isComparable(facts)) return undefined;
      index ??= hammingIndex(
        Uint32Array.from(hashed, (number) => images[number]!.hash!.high),
        Uint32Array.from(hashed, (number) => images[number]!.hash!.low),
        RADIUS,
      );
      const candidates = index.near(facts.hash.high, facts.hash.low).filter((i) => hashed[i]! < before);
      let looks = 0;
      for (const i of candidates.slice(0, MOST_CANDIDATES)) {
        const alignments = align(pictureOf(signatureAt(i)), pictureOf(facts.signature));
        if (alignments.length === 0) continue;
        if (looks++ === MOST_CLOSE_UPS) break;
        const earlier = closeUpOf(hashed[i]!);
        const [one, other] = await Promise.all([earlier.picture(), closeUp.picture()]);
        if (one === undefined || other === undefined || !staysAligned(one, other, alignments)) continue;
        const isExact = hasSameShape(images[hashed[i]!]!, facts) && (await haveSamePixels(earlier, closeUp));
        return { of: hashed[i]!, likeness: isExact ? 'pixels' : 'near' };
      }
      return undefined;
    },
  };
}

/** A picture of one colour has no hash that means anything. */
function isComparable(facts: ImageFacts): facts is ImageFacts & Required<Pick<ImageFacts, 'hash' | 'signature'>> {
  return facts.hash !== undefined && facts.signature !== undefined && facts.flat !== true;
}

function hasSameShape({ header: a }: ImageFacts, { header: b }: ImageFacts): boolean {
  if (a === undefined || b === undefined) return false;
  return a.width * a.height === b.width * b.height && Math.max(a.width, a.height) === Math.max(b.width, b.height);
}

async function haveSamePixels(a: CloseUp, b: CloseUp): Promise<boolean> {
  const [one, other] = await Promise.all([a.pixels(), b.pixels()]);
  return one !== undefined && one === other;
}

/** Duplicate of every image among those before it, by number. */
export async function nearDuplicateImages(
  images: readonly (ImageFacts | undefined)[],
  closeUpOf: (number: number) => CloseUp,
  signal?: AbortSignal,
): Promise<(ImageDuplicate | undefined)[]> {
  const pool = imagePool(images, closeUpOf);
  const duplicates: (ImageDuplicate | undefined)[] = [];
  for (const [number, facts] of images.entries()) {
    signal?.throwIfAborted();
    duplicates[number] = facts === undefined ? undefined : await pool.duplicateOf(facts, closeUpOf(number), number);
  }
  return duplicates;
}
