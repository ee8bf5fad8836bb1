import type { Sample } from '../sample.ts';
import { isObject, type JsonObject, scalarToString } from './build.ts';
import { shownPaths } from './limits.ts';

const INLINE = /<img>\s*([^<>\n]+?)\s*<\/img>/g;

/**
 * True where some turn's text names an image as `<img>path</img>`: the first Qwen-VL's way, which ms-swift takes too.
 */
export function hasInlineImages(turns: unknown, key: string): boolean {
  return (
    Array.isArray(turns) && turns.some((turn) => isObject(turn) && new RegExp(INLINE).test(scalarToString(turn[key])))
  );
}

/** Turns with `<image>` in place of each `<img>path</img>`, and the paths in order. */
export function liftInlineImages(turns: readonly unknown[], key: string): { turns: unknown[]; images: string[] } {
  const images: string[] = [];
  const lift = (turn: JsonObject): JsonObject => ({
    ...turn,
    [key]: String(turn[key]).replace(INLINE, (_, path: string) => {
      images.push(path);
      return '<image>';
    }),
  });
  const lifted = turns.map((turn) => (isObject(turn) && typeof turn[key] === 'string' ? lift(turn) : turn));
  return { turns: lifted, images };
}

/** Text that would be read back as an image: only rows that list none are looked at so. */
export function inlineImageLimits(sample: Sample): string[] {
  if (shownPaths(sample, 'image').length > 0) return [];
  const texts = sample.messages.flatMap(({ parts }) =>
    parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])),
  );
  return texts.some((text) => new RegExp(INLINE).test(text)) ? ['literal "<img>...</img>" in text'] : [];
}
