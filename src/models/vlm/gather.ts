import type { Sample } from '../../dataset/sample.ts';
import type { VlmProcessor } from '../processing/processor.ts';
import type { ProcessedImage } from '../processing/types.ts';
import type { LoadImage } from '../types.ts';
import type { FeatureStore } from './features.ts';
import type { ScoreRow } from './score.ts';

/** What went wrong with one row. */
export interface RowFault {
  code: string;
  reason: string;
}

/** A stretch of samples ready to score. */
export interface Window {
  rows: ScoreRow[];
  /** Index of each row among the request's samples. */
  index: number[];
  /** First sample after the window. */
  next: number;
}

export interface GatherOptions {
  processor: VlmProcessor;
  loadImage: LoadImage;
  store: FeatureStore;
  /** Longest row in tokens. */
  maxLength: number;
  /** Features held at once before a window closes, in bytes. */
  maxBytes: number;
  signal: AbortSignal | undefined;
}

/** Rows whose images are read ahead of the row that is prepared. */
const AHEAD = 8;

/** The images of a request: one number for each path, and the last sample that shows it. */
export interface ImageUses {
  number: Map<string, number>;
  last: number[];
}

export function imageUses(samples: readonly Sample[]): ImageUses {
  const uses: ImageUses = { number: new Map(), last: [] };
  for (const [s, sample] of samples.entries()) {
    for (const i of shownImages(sample)) {
      const { path } = sample.media.images[i]!;
      const known = uses.number.get(path) ?? uses.number.size;
      uses.number.set(path, known);
      uses.last[known] = s;
    }
  }
  return uses;
}

/** Indices of the images that some part of a sample shows. */
function shownImages(sample: Sample): number[] {
  const shown = new Set<number>();
  for (const { parts } of sample.messages) {
    for (const part of parts) {
      if (part.type === 'image' && sample.media.images[part.image] !== undefined) shown.add(part.image);
    }
  }
  return [...shown];
}

/**
 * Prepare samples from `from` on until their features fill `maxBytes`: read and process images, write the conversation
 * as ids, and have the images encoded meanwhile. A sample that can't be prepared is told to `fail` and left out.
 */
export async function gatherWindow(
  samples: readonly Sample[],
  from: number,
  uses: ImageUses,
  options: GatherOptions,
  fail: (sample: number, fault: RowFault) => void,
): Promise<Window> {
  const { store, processor } = options;
  const window: Window = { rows: [], index: [], next: from };
  const read = new Map<number, Promise<ProcessedImage | Error>>();
  const sizes = new Map<number, ProcessedImage>();
  const start = (sample: Sample | undefined): void => {
    for (const i of sample === undefined ? [] : shownImages(sample)) {
      const { path } = sample!.media.images[i]!;
      const image = uses.number.get(path)!;
      if (!read.has(image) && !sizes.has(image)) read.set(image, readImage(path, options));
    }
  };
  for (let s = from; s < samples.length; s++) {
    options.signal?.throwIfAborted();
    for (let ahead = s; ahead < Math.min(s + AHEAD, samples.length); ahead++) start(samples[ahead]);
    const sample = samples[s]!;
    window.next = s + 1;
    try {
      const images = sample.media.images.map(() => -1);
      const processed: (ProcessedImage | undefined)[] = sample.media.images.map(() => undefined);
      for (const i of shownImages(sample)) {
        const image = uses.number.get(sample.media.images[i]!.path)!;
        images[i] = image;
        processed[i] = sizes.get(image) ?? (await taken(read.get(image)!));
      }
      const conversation = processor.prepareConversation(sample, processed);
      checkLength(conversation.ids.length, options.maxLength);
      for (const [i, image] of images.entries()) {
        if (image < 0 || sizes.has(image)) continue;
        if (!store.has(image)) await store.push(image, processed[i]!);
        // Rows that share the image need its size only: its pixels may go once it is encoded.
        sizes.set(image, { ...processed[i]!, pixelValues: new Float32Array(0) });
        read.delete(image);
      }
      window.rows.push({ conversation, images });
      window.index.push(s);
    } catch (error) {
      fail(s, faultOf(error));
    }
    if (store.bytes > options.maxBytes) break;
  }
  return window;
}

async function readImage(path: string, { loadImage, processor }: GatherOptions): Promise<ProcessedImage | Error> {
  try {
    return processor.processImage(await loadImage(path));
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

async function taken(reading: Promise<ProcessedImage | Error>): Promise<ProcessedImage> {
  const image = await reading;
  if (image instanceof Error)
    throw Object.assign(new Error(image.message), { code: codeOf(image) ?? 'IMAGE_UNREADABLE' });
  return image;
}

function checkLength(length: number, most: number): void {
  if (length <= most) return;
  throw Object.assign(new Error(`${length} tokens, and the model takes ${most} at most`), { code: 'TOO_LONG' });
}

/** A fault as it is reported. An unknown error keeps its message; the code says that preparing failed. */
export function faultOf(error: unknown, otherwise = 'PREPARE_FAILED'): RowFault {
  const reason = error instanceof Error ? error.message : String(error);
  const code = codeOf(error) ?? otherwise;
  return { code: code === 'NO_RESPONSE' ? 'NO_RESPONSE_TOKENS' : code, reason };
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}
