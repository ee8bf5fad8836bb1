/** Pixels as shown: after the EXIF orientation, and after any resizing of a trainer's own. */
export interface Size {
  width: number;
  height: number;
}

/** Tokens that an image takes in the language model. */
export interface ImageTokenCount {
  /** Positions that image features fill. */
  features: number;
  /** With the tokens that mark where an image, a tile or a row begins and ends. */
  total: number;
}
