import { gatherRows, type Matrix } from '../numeric/linalg/matrix.ts';
import { nearestByCosine } from '../numeric/nearest.ts';

/** A kept row near another. */
export interface KeptNeighbour {
  row: number;
  /** Cosine, -1 to 1. */
  similarity: number;
}

/**
 * The kept rows most similar to one row: what stands for it in the subset, or beside it.
 *
 * @param embeddings one vector a row of the pool
 * @returns at most k, nearest first, never the row itself; none if its embedding is missing
 */
export async function neighbours(
  keptRows: ArrayLike<number>,
  row: number,
  embeddings: Matrix,
  k: number,
): Promise<KeptNeighbour[]> {
  const others = Int32Array.from(keptRows).filter((other) => other !== row);
  const found = await nearestByCosine(gatherRows(embeddings, [row]), gatherRows(embeddings, others), { k });
  return Array.from(found.rows[0]!, (at, i) => ({ row: others[at]!, similarity: found.similarities[0]![i]! }));
}
