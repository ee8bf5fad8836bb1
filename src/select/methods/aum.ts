import type { Selector } from '../selector.ts';
import { type TokenScoreOptions, tokenScoreSelector } from './shared/token-score.ts';

/** AUM = mean over response tokens of p_label - max of the other p, -1 (sure and wrong) to 1 (sure and right). */
export const aum: Selector<TokenScoreOptions> = tokenScoreSelector({
  name: 'aum',
  order: 140,
  version: 1,
  title: 'AUM: margin of the right token',
  source: 'Pleiss et al., NeurIPS 2020, arXiv 2001.10528; LVLM port in G-JWLee/COINCIDE_code at 629f776',
  summary:
    'Keeps the rows with the largest margin of the right token over the best wrong one: easy, cleanly labelled answers. `--keep min` keeps the hard and mislabelled ones.',
  formula: ['AUM = mean over response tokens of p_y − max_{v ≠ y} p_v', 'keep the largest'].join('\n'),
  deviations: ['P8: a missing score counts as 0 and may be kept before a row with a score'],
  column: 'aum',
});
