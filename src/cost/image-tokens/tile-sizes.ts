import type { Size } from './count.ts';

/** Idefics3 never makes an image larger than this, whatever its configuration says. */
const MAX_EDGE = 4096;

/** Idefics3's longest edge: small images grow, the other edge becomes even, and neither exceeds `MAX_EDGE`. */
export function longestSize({ width, height }: Size, edge: number): Size {
  const ratio = width / height;
  const even = (n: number): number => n + (n % 2);
  let [h, w] = width >= height ? [even(Math.trunc(edge / ratio)), edge] : [edge, even(Math.trunc(edge * ratio))];
  [h, w] = [Math.max(h, 1), Math.max(w, 1)];
  const again = w / h;
  if (w >= h && w > MAX_EDGE) [h, w] = [Math.trunc(MAX_EDGE / again), MAX_EDGE];
  else if (h > w && h > MAX_EDGE) [h, w] = [MAX_EDGE, Math.trunc(MAX_EDGE * again)];
  return { width: Math.max(w, 1), height: Math.max(h, 1) };
}

/** Both edges become multiples of the tile, the aspect ratio kept as far as that allows. */
export function tiledSize({ width, height }: Size, tile: number): Size {
  const up = (n: number): number => Math.ceil(n / tile) * tile;
  const ratio = width / height;
  if (width >= height) return { width: up(width), height: up(Math.trunc(up(width) / ratio)) };
  return { width: up(Math.trunc(up(height) * ratio)), height: up(height) };
}
