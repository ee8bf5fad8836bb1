import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { extname } from 'node:path';
import { WinnowError } from '../../base/errors.ts';
import { isRemote, type MediaScope, resolveMedia } from '../../dataset/media/media.ts';
import { damageOf } from '../../dataset/media/media-damage.ts';
import { type MediaType, mediaTypeNamed, mediaTypeOf, mediaTypeOfMime } from '../../dataset/media/media-type.ts';
import { type Hash64, SIDE } from '../near-duplicates/perceptual-hash.ts';
import { fingerprint } from '../near-duplicates/signature.ts';
import { type HeaderFacts, isFlat, openImage, smallPicture } from './decode-facts.ts';
import { missingReason } from './missing-reason.ts';

/** Everything that the doctor wants to know of one image: measured once, whatever the number of rows that use it. */
export interface ImageFacts {
  /** Not readable at all (D102). */
  unreadable?: string;
  /** Not decodable, or not what its name says (D103). */
  broken?: string;
  /** The bytes themselves are sound: the name is wrong. Holds the extension that fits. */
  rename?: string;
  /** Not decoded, because a limit forbids it (D106). */
  tooLarge?: string;
  /** SHA-256 of the file's bytes, hex. Absent where they weren't read. */
  sha256?: string;
  header?: HeaderFacts;
  /** One colour all over, but for faint noise. */
  flat?: boolean;
  /** The decoder had something to say, to be asked for again while no other image is decoded. */
  isDoubtful?: true;
  hash?: Hash64;
  signature?: Uint8Array;
}

export interface InspectOptions {
  maxBytes: number;
  maxPixels: number;
  /**
   * No other image is being decoded: libvips has one list of messages for all threads, so that only then its words can
   * be trusted.
   */
  isAlone?: boolean;
}

/** A pipe among the media must not make the doctor wait for its writer. */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
/** Bytes in which libvips finds the size of any image that isn't made to hide it. */
const HEADER_BYTES = 1 << 20;

/**
 * Look at an image as a path of a data set; what is on the network isn't asked for. Never throws for what is wrong with
 * the image.
 */
export async function inspectImage(scope: MediaScope, path: string, options: InspectOptions): Promise<ImageFacts> {
  if (isRemote(path)) return {};
  try {
    const media = resolveMedia(scope, { path });
    if (media.kind === 'file') return await inspectFile(media.path, options);
    if (media.bytes.length === 0) return { unreadable: 'the data URI is empty' };
    const promised = mediaTypeOfMime(media.mime);
    return await inspectBytes(media.bytes, { promised, words: `the data URI says "${media.mime}"` }, options);
  } catch (error) {
    if (!(error instanceof WinnowError)) throw error;
    return error.code === 'MEDIA_DATA_URI'
      ? { broken: error.message }
      : { unreadable: missingReason(scope, path, error) };
  }
}

async function inspectFile(path: string, options: InspectOptions): Promise<ImageFacts> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, OPEN_FLAGS);
    const stat = await handle.stat();
    if (!stat.isFile()) return { unreadable: stat.isDirectory() ? 'it is a folder' : 'it is not a regular file' };
    if (stat.size === 0) return { unreadable: 'the file is empty (0 bytes)' };
    if (stat.size > options.maxBytes) {
      const head = Buffer.alloc(HEADER_BYTES);
      const { bytesRead } = await handle.read(head, 0, HEADER_BYTES, 0);
      const header = await openImage(head.subarray(0, bytesRead)).then(
        (opened) => opened.header,
        () => undefined,
      );
      const tooLarge = `the file has ${stat.size} bytes, more than the limit of ${options.maxBytes}; it was not decoded`;
      return { tooLarge, header };
    }
    const extension = extname(path);
    return await inspectBytes(
      await handle.readFile(),
      { promised: mediaTypeNamed(extension), words: `the name ends in "${extension}"` },
      options,
    );
  } catch (error) {
    return {
      unreadable: `the file can't be read (${(error as NodeJS.ErrnoException).code ?? (error as Error).message})`,
    };
  } finally {
    await handle?.close();
  }
}

/** What an image claims to be, and where it says so. */
interface Claim {
  promised: MediaType | undefined;
  words: string;
}

async function inspectBytes(bytes: Buffer, claim: Claim, options: InspectOptions): Promise<ImageFacts> {
  const facts: ImageFacts = { sha256: createHash('sha256').update(bytes).digest('hex') };
  const type = mediaTypeOf(bytes);
  const { promised } = claim;
  if (type === undefined || type.kind !== 'image' || type.readers === 'none') {
    return { ...facts, broken: notAnImage(bytes, type) };
  }
  if (promised !== undefined && promised.name !== type.name) {
    facts.broken = `${claim.words}, the content is ${type.name}`;
    facts.rename = type.extensions[0]!;
  }
  // Pillow reads these, libvips doesn't: what can be known without decoding is.
  if (type.readers === 'pillow') return facts;
  try {
    return await decode(bytes, facts, options, 'warning');
  } catch (error) {
    const { rename: _, ...rest } = facts;
    if (options.isAlone !== true) return { ...rest, isDoubtful: true };
    if (isDamage(error)) return { ...rest, broken: damageOf(bytes) };
    // A warning about a profile, a tag or bytes to spare: what every loader passes over.
    return await decode(bytes, facts, options, 'error').catch(() => ({ ...rest, broken: damageOf(bytes) }));
  }
}

/** Adds what the pixels tell; `facts` has the header also where decoding them fails. */
async function decode(
  bytes: Buffer,
  facts: ImageFacts,
  { maxPixels }: InspectOptions,
  failOn: 'warning' | 'error',
): Promise<ImageFacts> {
  const { image, header } = await openImage(bytes, failOn);
  facts.header = header;
  const pixels = header.width * header.height;
  if (pixels > maxPixels) {
    const size = `${header.width} x ${header.height} is ${pixels} pixels`;
    facts.tooLarge = `${size}, more than the limit of ${maxPixels}; it was not decoded`;
    return facts;
  }
  const small = await smallPicture(image, SIDE);
  const flat = await isFlat(image, small);
  const { signature, ...hash } = fingerprint(small);
  return { ...facts, flat, hash, signature };
}

/** Blocks of a JPEG that can't be decoded: libjpeg warns and goes on with grey. */
function isDamage(error: unknown): boolean {
  const text = error instanceof Error ? error.message : '';
  return /Corrupt JPEG data(?!: \d+ extraneous)|premature end/i.test(text);
}

function notAnImage(bytes: Buffer, type: MediaType | undefined): string {
  if (type === undefined)
    return `the content is no image: it begins with ${JSON.stringify(bytes.toString('latin1', 0, 12))}`;
  return type.kind === 'image'
    ? `the content is ${type.name}, which trainers' image loaders don't read`
    : `the content is no image but ${type.name}`;
}
