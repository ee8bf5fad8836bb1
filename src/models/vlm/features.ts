import type { ProcessedImage } from '../processing/types.ts';
import type { VlmRuntime } from './runtime.ts';
import { encodeImages } from './vision.ts';

const TILES_PER_RUN = 16;

/** Features of images by their index: each image is encoded once, however many rows show it. */
export interface FeatureStore {
  /** `[tokens, hidden]`, row-major. */
  get(image: number): Float32Array;
  has(image: number): boolean;
  /** Number of tokens of an image; 0 for -1, an image that no part shows. */
  tokens(image: number): number;
  /** Take an image to encode. Images are encoded in the order they come, several at a time, while more are read. */
  push(image: number, processed: ProcessedImage): Promise<void>;
  /** Wait for everything pushed; returns the images that could not be encoded. */
  settle(): Promise<Map<number, Error>>;
  drop(image: number): void;
  readonly bytes: number;
}

export function createFeatureStore(runtime: VlmRuntime): FeatureStore {
  const features = new Map<number, Float32Array>();
  const failed = new Map<number, Error>();
  const known = new Set<number>();
  let pending: { image: number; processed: ProcessedImage }[] = [];
  let running: Promise<void>[] = [];
  let bytes = 0;

  function flush(): void {
    if (pending.length === 0) return;
    const batch = pending;
    pending = [];
    const run = encodeImages(
      runtime,
      batch.map(({ processed }) => processed),
    ).then(
      (encoded) => {
        for (const [i, { image }] of batch.entries()) {
          features.set(image, encoded[i]!);
          bytes += encoded[i]!.byteLength;
        }
      },
      (error: Error) => {
        for (const { image } of batch) failed.set(image, error);
      },
    );
    running.push(run);
  }

  return {
    get: (image) => features.get(image)!,
    has: (image) => features.has(image),
    tokens: (image) => (image < 0 ? 0 : features.get(image)!.length / runtime.hidden),
    async push(image, processed) {
      if (known.has(image)) return;
      known.add(image);
      const tiles = pending.reduce((sum, entry) => sum + entry.processed.dims[0]!, processed.dims[0]!);
      if (tiles > TILES_PER_RUN) flush();
      pending.push({ image, processed });
      // Pixels wait in memory until a thread is free: no more than two runs a thread may queue.
      while (running.length > 2 * runtime.pool.size) await running.shift();
    },
    async settle() {
      flush();
      await Promise.all(running);
      running = [];
      return failed;
    },
    drop(image) {
      bytes -= features.get(image)?.byteLength ?? 0;
      features.delete(image);
      failed.delete(image);
      known.delete(image);
    },
    get bytes() {
      return bytes;
    },
  };
}
