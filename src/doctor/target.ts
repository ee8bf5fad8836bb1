/** How a family writes boxes: fractions of 1000, or pixels of the image as the model sees it. */
export type BoxFrame = 'thousand' | 'resized-pixels';

/** What a model family or a trainer expects of its data. */
export interface Target {
  name: string;
  title: string;
  /** Strings that its tokenizer turns into one token wherever they stand. */
  specialTokens: readonly string[];
  /** User and assistant must take turns, beginning with user. */
  strictTurns: boolean;
  /** It has a place for a system turn. */
  systemTurn: boolean;
  /** Absent: it has none of its own. */
  boxFrame?: BoxFrame;
  /** Shortest side in pixels that its preprocessing takes. */
  minSide?: number;
  /** Largest ratio of the sides that its preprocessing takes. */
  maxAspect?: number;
  /** The image is cut into tiles and a small one enlarged to them: longest side that it is brought to. */
  tiledTo?: number;
  /** Video frames in one temporal patch. */
  temporalPatch?: number;
}
