import { unitRowsJoined } from '../../src/numeric/linalg/join-vectors.ts';
import { dicScores } from '../../src/select/methods/dics.ts';
import { selectBy } from '../../src/select/methods/find.ts';
import { pickByDifficulty } from '../../src/select/methods/self-filter.ts';
import type { CaseCheck } from './check.ts';
import { firstOf, listOf, numberOf, scalars, toMatrix, vectors } from './columns.ts';
import { differs } from './compare.ts';
import { type Case, toNumbers } from './fixture.ts';

async function runSelfFilter({ inputs, outputs }: Case): Promise<string | undefined> {
  const picked = await pickByDifficulty(
    unitRowsJoined([toMatrix(inputs.features, 'features')]),
    toNumbers(inputs.difficulty, 'difficulty'),
    numberOf(inputs, 'filter_num'),
    { k: numberOf(inputs, 'k_nearest'), gamma: numberOf(inputs, 'gamma'), isClamped: false },
  );
  return differs('selected_in_order', outputs.selected_in_order, [...picked]);
}

/**
 * `selected_in_order`: rows by the share of the pool. How a share is rounded to rows is no part of the method, and read
 * from the result.
 */
async function runDics({ inputs, outputs }: Case): Promise<string | undefined> {
  const vic = toNumbers(inputs.vic, 'vic');
  const ric = toNumbers(inputs.ric, 'ric');
  const found: (string | undefined)[] = [];
  if ('dic' in outputs) found.push(differs('dic', outputs.dic, [...dicScores(vic, ric)]));
  for (const [share, expected] of Object.entries(outputs.selected_in_order ?? {})) {
    const { kept } = await selectBy(
      'dics',
      {
        rows: vic.length,
        columns: {
          vic: scalars(vic, 'vic'),
          ric: scalars(ric, 'ric'),
          hidden: vectors(inputs.features, 'features'),
        },
      },
      {},
      { budget: listOf(expected, share).length, fraction: Number(share), seed: 42 },
    );
    found.push(differs(`selected_in_order.${share}`, expected, [...kept]));
  }
  return firstOf(...found);
}

/** Methods that pick one row after the other. */
export const greedyChecks: CaseCheck[] = [
  {
    folder: 'selffilter',
    inputs: { required: ['features', 'difficulty', 'gamma', 'k_nearest', 'filter_num'] },
    outputs: { anyOf: ['selected_in_order'] },
    run: runSelfFilter,
  },
  {
    folder: 'dics',
    inputs: { required: ['vic', 'ric', 'features'] },
    outputs: { anyOf: ['dic', 'selected_in_order'] },
    run: runDics,
  },
];
