import type { Matrix } from './matrix.ts';

/**
 * Vectors of several columns side by side, each scaled to length 1 first so that they count equally; a vector of length
 * 0 stays 0. Rows where one holds a value that isn't finite are NaN throughout.
 */
export function unitRowsJoined(parts: readonly Matrix[]): Matrix {
  const rows = parts[0]?.rows ?? 0;
  const width = parts.reduce((sum, part) => sum + part.width, 0);
  if (width === 0 && rows > 0) {
    throw new RangeError('Columns of vectors that hold no numbers can not be joined.');
  }
  const data = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    let at = row * width;
    for (const part of parts) {
      const vector = part.data.subarray(row * part.width, (row + 1) * part.width);
      let square = 0;
      for (const value of vector) square += value * value;
      const length = Math.sqrt(square);
      if (!Number.isFinite(length)) {
        data.fill(Number.NaN, row * width, (row + 1) * width);
        break;
      }
      for (let t = 0; t < vector.length; t++) data[at + t] = length > 0 ? vector[t]! / length : 0;
      at += part.width;
    }
  }
  return { data, rows, width };
}
