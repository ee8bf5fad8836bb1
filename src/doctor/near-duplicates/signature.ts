import type { Picture } from './align.ts';
import { type Hash64, perceptualHash, SIDE } from './perceptual-hash.ts';

/** Cells a side of the small picture that verifies what a hash suspects. */
const CELLS = 16;
/** Numbers of a signature: cells x (red, green, blue), 8 bit. */
export const SIGNATURE_BYTES = CELLS * CELLS * 3;

/**
 * Hash and signature of one picture.
 * @param rgb `SIDE` x `SIDE` pixels of 3 bytes, the whole image squeezed into them.
 */
export function fingerprint(rgb: Uint8Array): Hash64 & { signature: Uint8Array } {
  const luma = new Float32Array(SIDE * SIDE);
  for (let i = 0; i < luma.length; i++)
    luma[i] = 0.299 * rgb[3 * i]! + 0.587 * rgb[3 * i + 1]! + 0.114 * rgb[3 * i + 2]!;
  const signature = new Uint8Array(SIGNATURE_BYTES);
  for (let y = 0; y < CELLS; y++) {
    for (let x = 0; x < CELLS; x++) {
      for (let c = 0; c < 3; c++) {
        const at = (2 * y * SIDE + 2 * x) * 3 + c;
        const sum = rgb[at]! + rgb[at + 3]! + rgb[at + SIDE * 3]! + rgb[at + SIDE * 3 + 3]!;
        signature[(y * CELLS + x) * 3 + c] = (sum + 2) >> 2;
      }
    }
  }
  return { ...perceptualHash(luma), signature };
}

/** A signature as a picture. */
export function pictureOf(signature: Uint8Array): Picture {
  return { side: CELLS, channels: 3, data: signature };
}
