import { selectBy } from '../../src/select/methods/find.ts';
import { ifdScores } from '../../src/select/methods/ifd/ifd.ts';
import { preExperience } from '../../src/select/methods/ifd/pre-experience.ts';
import type { CaseCheck } from './check.ts';
import { firstOf, numberOf, scalars } from './columns.ts';
import { differs } from './compare.ts';
import { type Case, toNumbers } from './fixture.ts';

async function runScores({ inputs, outputs }: Case): Promise<string | undefined> {
  const conditioned = toNumbers(inputs.cond_loss, 'cond_loss');
  const direct = toNumbers(inputs.direct_loss, 'direct_loss');
  const rate = numberOf(inputs, 'sample_rate');
  const { kept, reasons } = await selectBy(
    'ifd',
    {
      rows: conditioned.length,
      columns: { c: scalars(conditioned, 'cond_loss'), d: scalars(direct, 'direct_loss') },
    },
    { variant: 'official', conditioned: 'c', direct: 'd' },
    { budget: Math.floor(rate * conditioned.length), fraction: rate, seed: 42 },
  );
  const valid = reasons.filter(({ code }) => code !== 'nan' && code !== 'out-of-range').map(({ row }) => row);
  // The last 0 rows of a list are all of it, as it is sliced in the published code, or none.
  const isAll = kept.length === 0 && Array.isArray(outputs.selected_rows) && outputs.selected_rows.length > 0;
  const selected = isAll ? valid : [...kept];
  return firstOf(
    'ifd' in outputs && differs('ifd', outputs.ifd, [...ifdScores(conditioned, direct, 'mean')]),
    'n_valid' in outputs && differs('n_valid', outputs.n_valid, valid.length),
    'selected_rows' in outputs && differs('selected_rows', outputs.selected_rows, selected),
  );
}

async function runExperience({ inputs, outputs }: Case): Promise<string | undefined> {
  const found = preExperience(toNumbers(inputs.cluster, 'cluster'), toNumbers(inputs.ppl, 'ppl'), {
    n: numberOf(inputs, 'n'),
    low: 'low' in inputs ? numberOf(inputs, 'low') : undefined,
    high: 'up' in inputs ? numberOf(inputs, 'up') : undefined,
  });
  return differs('rows by cluster', outputs, Object.fromEntries(found));
}

/**
 * The published ranking by IFD, and the sample of middle perplexity that phase 1 trains on (outputs: rows by cluster).
 */
export const ifdChecks: CaseCheck[] = [
  {
    folder: 'ifd',
    inputs: { required: ['cond_loss', 'direct_loss', 'sample_rate'] },
    outputs: { anyOf: ['ifd', 'n_valid', 'selected_rows'] },
    run: runScores,
  },
  {
    folder: 'ifd',
    inputs: { required: ['cluster', 'ppl', 'n'], optional: ['low', 'up'] },
    outputs: { anyOf: /^-?\d+$/ },
    run: runExperience,
  },
];
