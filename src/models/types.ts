import type { Sample } from '../dataset/sample.ts';

/**
 * How the image is taken away for the blind pass (spec: VisNec 3.1). They differ by the positions of the text that
 * follows. `masked`: the image positions stay and are masked (paper). `drop`: one masked slot stays (official code).
 * `remove`: nothing stays.
 */
export type BlindVariant = 'masked' | 'drop' | 'remove';

/** A decoded image: RGB, 8 bit, row-major, `data.length === width * height * 3`. */
export interface RgbImage {
  width: number;
  height: number;
  data: Uint8Array;
}

/** Where pixels come from. The models room doesn't know the data set's folders. */
export type LoadImage = (path: string) => Promise<RgbImage>;

export interface LossRequest {
  samples: readonly Sample[];
  loadImage: LoadImage;
  /** Blind variants to compute besides the loss with the image; empty: none. */
  blind: readonly BlindVariant[];
  /** Also return the loss of every response token. @default false */
  perToken?: boolean;
  signal?: AbortSignal;
}

export interface TokenLosses {
  /** Mean over the response positions, nats/token. */
  mean: number;
  /** One per response token, when asked for. */
  perToken?: Float32Array;
}

/** Losses of one sample, or why there are none. A text-only sample has blind == multimodal. */
export type SampleLoss =
  | {
      ok: true;
      /** Number of response positions (trained tokens). */
      tokens: number;
      /** Ids of these tokens in the model's vocabulary. */
      ids: ArrayLike<number>;
      multimodal: TokenLosses;
      blind: Partial<Record<BlindVariant, TokenLosses>>;
      /** Text of each response token, when `perToken`. */
      tokenTexts?: string[];
    }
  | { ok: false; code: string; reason: string };

/** A vision-language model in process. Holds sessions: close it. */
export interface VlmModel {
  readonly family: string;
  /** `micro-vlm` or `org/name`. */
  readonly name: string;
  /** Hub commit, or a hash over the files of a local folder: part of every shard's name. */
  readonly revision: string;
  /** Losses in the order of `samples`. Never rejects for a bad sample. */
  losses(request: LossRequest): Promise<SampleLoss[]>;
  close(): Promise<void>;
}

export interface TextEncoder {
  readonly name: string;
  readonly revision: string;
  /** Width of an embedding. */
  readonly dim: number;
  /** Longest text in tokens; undefined where texts of any length are read. */
  readonly limit?: number | undefined;
  /** Texts of which something was cut off so far. */
  cut?(): number;
  /** n x dim, row-major, L2-normalised. */
  encode(texts: readonly string[], options?: { signal?: AbortSignal }): Promise<Float32Array>;
  close(): Promise<void>;
}

export interface ImageEncoder {
  readonly name: string;
  readonly revision: string;
  readonly dim: number;
  /** n x dim, row-major, L2-normalised. */
  encode(images: readonly RgbImage[], options?: { signal?: AbortSignal }): Promise<Float32Array>;
  close(): Promise<void>;
}
