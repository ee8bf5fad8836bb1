/**
 * RDS+: mean of the last hidden states over all positions of prompt and response, weighted by their position, t / sum t
 * with t from 1.
 *
 * Source: RDS+ (arXiv 2503.01807), compute_influence_cosinesim with weighted_mean.
 *
 * @param states one vector a position
 */
export function positionWeightedMean(states: readonly ArrayLike<number>[]): Float64Array {
  const mean = new Float64Array(states[0]?.length ?? 0);
  const total = (states.length * (states.length + 1)) / 2;
  states.forEach((state, t) => {
    for (let i = 0; i < mean.length; i++) mean[i]! += (state[i]! * (t + 1)) / total;
  });
  return mean;
}
