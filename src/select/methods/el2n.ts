import type { Selector } from '../selector.ts';
import { type TokenScoreOptions, tokenScoreSelector } from './shared/token-score.ts';

/**
 * EL2N = mean over response tokens of |softmax(logits) - onehot(label)|_2, 0 (sure and right) to sqrt(2) (sure and
 * wrong).
 */
export const el2n: Selector<TokenScoreOptions> = tokenScoreSelector({
  name: 'el2n',
  order: 130,
  version: 1,
  title: 'EL2N: error of the predicted probabilities',
  source:
    'Paul et al., NeurIPS 2021, arXiv 2107.07075; code mansheej/data_diet at aee462e; LVLM port in G-JWLee/COINCIDE_code at 629f776',
  summary:
    'Keeps the rows whose response tokens the model predicts worst: the largest mean distance between the predicted probabilities and the right answer.',
  formula: ['EL2N = mean over response tokens of ‖p − onehot(y)‖₂ = √(Σ p² − 2 p_y + 1)', 'keep the largest'].join(
    '\n',
  ),
  deviations: ['P8: a missing score counts as 0 and makes a broken row the easiest: kept first by keep min'],
  column: 'el2n',
});
