/** What the container of a video says of it. */
export interface VideoFacts {
  /** Missing, outside of the media root, empty (D102). */
  missing?: string;
  /** No video, or one that ends too early (D109). */
  unreadable?: string;
  /** Pictures in it; a container that isn't known to Winnow has none here. */
  frames?: number;
}

/** Reads a range of a video; fewer bytes at its end. */
export type ReadRange = (offset: number, length: number) => Promise<Buffer>;
