/** Decay rates and epsilon of the optimiser whose state is read. */
const BETA_1 = 0.9;
const BETA_2 = 0.999;
const EPSILON = 1e-8;

/**
 * Training feature of LESS: the step that Adam would take for one sample, m' / sqrt(v' + eps) with m' = b1 m + (1 - b1)
 * g and v' = b2 v + (1 - b2) g^2. No bias correction, epsilon inside the root; the optimiser's state is read and not
 * changed.
 *
 * Source: LESS (ICML 2024), collect_grad_reps.py.
 *
 * @param gradient of one sample
 * @param m first moment of the optimiser at the checkpoint
 * @param v second moment
 */
export function adamFeature(gradient: ArrayLike<number>, m: ArrayLike<number>, v: ArrayLike<number>): Float64Array {
  return Float64Array.from(gradient, (g, i) => {
    const first = BETA_1 * m[i]! + (1 - BETA_1) * g;
    const second = BETA_2 * v[i]! + (1 - BETA_2) * g * g;
    return first / Math.sqrt(second + EPSILON);
  });
}
