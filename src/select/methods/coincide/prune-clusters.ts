import type { WideColumn } from '../../../numeric/columns.ts';
import type { Products } from '../../../numeric/linalg/gemm.ts';
import { type Matrix, unitRows } from '../../../numeric/linalg/matrix.ts';
import { rankRows } from '../../../numeric/topk.ts';
import { largestRemainder } from '../../kit/allocate.ts';
import { sequentialSoftmax, softmax } from '../../kit/allocate-published.ts';
import { density, gaussianKernel, greedyMmd, type Kernel } from './mmd.ts';

/**
 * Numbers of kernels that are kept from computing densities until rows are picked (256 MiB); the others are computed
 * again.
 */
const HELD_NUMBERS = 2 ** 25;

export interface PruneOptions {
  variant: 'paper' | 'official';
  /** tau of the softmax of scores. */
  temperature: number;
  /** Width of the Gaussian kernel. */
  sigma: number;
}

/** What each cluster gives, and on what grounds; one entry a cluster. */
export interface Pruned {
  density: Float64Array;
  /** s_i = T_i / D_i */
  score: Float64Array;
  /** softmax(s / tau) */
  share: Float64Array;
  /** Clusters by share, the largest first. */
  order: Int32Array;
  quota: Int32Array;
  /** Rows of each cluster, those that are kept in the order picked. */
  kept: number[][];
}

/**
 * The pruning of COINCIDE: clusters share the budget by softmax(T_i / (D_i tau)), and each gives the rows that stand
 * for it best (greedy MMD).
 *
 * Paper: density over pairs of different rows; shares by largest remainder, what a cluster can't give goes to the
 * others. Official: density with the diagonal; shares one after the other by those still to come, so that less than the
 * budget may come out.
 *
 * @param transfer T_i of each cluster
 */
export async function pruneClusters(
  points: WideColumn,
  clusters: readonly (readonly number[])[],
  transfer: ArrayLike<number>,
  budget: number,
  { variant, temperature, sigma }: PruneOptions,
  products: Products,
  signal?: AbortSignal,
): Promise<Pruned> {
  const kernelOf = async (members: readonly number[]): Promise<Kernel> =>
    gaussianKernel(await points.gather(members), sigma, products);
  const held = new Map<number, Kernel>();
  let room = HELD_NUMBERS;
  const densities = new Float64Array(clusters.length).fill(Number.NaN);
  for (const [c, members] of clusters.entries()) {
    signal?.throwIfAborted();
    if (members.length === 0) continue;
    const kernel = await kernelOf(members);
    densities[c] = density(kernel, variant === 'official' ? 'with' : 'without');
    const numbers = members.length ** 2;
    if (numbers > room) continue;
    held.set(c, kernel);
    room -= numbers;
  }
  const score = densities.map((one, c) => transfer[c]! / one);
  const sizes = clusters.map((members) => members.length);
  const { share, order, quota, taken } = allocate(score, temperature, sizes, budget, variant);

  const kept: number[][] = clusters.map(() => []);
  for (const c of order) {
    signal?.throwIfAborted();
    const members = clusters[c]!;
    // More asked than there are: all as they stand, without the greedy order.
    if (quota[c]! > members.length || taken[c] === 0) kept[c] = members.slice(0, taken[c]!);
    else {
      const kernel = held.get(c) ?? (await kernelOf(members));
      const { picked } = await greedyMmd(kernel, taken[c]!);
      kept[c] = Array.from(picked, (i) => members[i]!);
    }
  }
  return { density: densities, score, share, order, quota, kept };
}

function allocate(
  score: Float64Array,
  temperature: number,
  sizes: readonly number[],
  budget: number,
  variant: PruneOptions['variant'],
): Pick<Pruned, 'share' | 'order' | 'quota'> & { taken: Int32Array } {
  if (variant === 'official') {
    const { wanted, ...rest } = sequentialSoftmax(score, temperature, sizes, budget);
    return { ...rest, quota: wanted };
  }
  const share = softmax(score, temperature);
  return { share, order: rankRows([...score.keys()], score), ...largestRemainder(share, budget, sizes) };
}

/** The mean of each cluster's rows, scaled to length 1. An empty cluster has none: zeros. */
export function meanDirections(points: Matrix, clusters: readonly (readonly number[])[]): Matrix {
  const { width } = points;
  const sums = new Float64Array(width);
  const data = new Float32Array(clusters.length * width);
  clusters.forEach((members, c) => {
    sums.fill(0);
    for (const row of members) for (let t = 0; t < width; t++) sums[t]! += points.data[row * width + t]!;
    for (let t = 0; t < width; t++) data[c * width + t] = sums[t]! / Math.max(1, members.length);
  });
  return unitRows({ data, rows: clusters.length, width });
}
