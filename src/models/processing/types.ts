/** Contracts between preprocessing (this room) and the models that read what it makes. */

/** An image after a family's processor: what `pixel_values` holds for it, without the batch axis. */
export interface ProcessedImage {
  /** Normalised pixels, row-major in the order of `dims`. */
  pixelValues: Float32Array;
  /** `[tiles, 3, height, width]`; one tile for families that don't cut. */
  dims: number[];
  /** 1 where a pixel is real, 0 where it is padding: `[tiles, height, width]`. Absent: all real. */
  pixelMask?: Uint8Array;
  /** Number of image tokens it expands to: positions that are replaced by image features. */
  tokens: number;
  /** Rows of tiles (Idefics3); 0 or absent where the image isn't cut. */
  rows?: number;
  /** Columns of tiles (Idefics3). */
  cols?: number;
}

/** A sample as token ids, image placeholders already expanded. All arrays have one entry a position. */
export interface PreparedConversation {
  ids: Int32Array;
  /** 1 where the token at this position is trained: its loss uses the logits of the position before. */
  response: Uint8Array;
  /** 1 where the embedding is replaced by an image feature. */
  imageTokenMask: Uint8Array;
  /**
   * Maximal contiguous runs of replaced positions, in order; `image` indexes the sample's images, `end` is exclusive.
   * An image that is cut into tiles has one run for each tile.
   */
  imageSpans: { image: number; start: number; end: number }[];
  /**
   * The whole expansion of each image, with the tokens around its tiles (Idefics3: fake, row-column and global tokens):
   * what isn't there when the image isn't there. Equal to the one span for families without such tokens.
   */
  imageBlocks: { image: number; start: number; end: number }[];
}
