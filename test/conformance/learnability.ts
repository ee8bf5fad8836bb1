import { selectBy } from '../../src/select/methods/find.ts';
import { learnabilityScores } from '../../src/select/methods/learnability.ts';
import type { CaseCheck } from './check.ts';
import { firstOf, numberOf, scalars } from './columns.ts';
import { differs } from './compare.ts';
import { type Case, toNumbers } from './fixture.ts';

async function run({ inputs, outputs }: Case): Promise<string | undefined> {
  const initial = toNumbers(inputs.loss_initial, 'loss_initial');
  const final = toNumbers(inputs.loss_finetuned, 'loss_finetuned');
  const found: (string | undefined)[] = [];
  for (const form of ['delta', 'relative'] as const) {
    if (form in outputs) found.push(differs(form, outputs[form], [...learnabilityScores(initial, final, form)]));
    const rows = `top_${form}`;
    if (!(rows in outputs)) continue;
    const columns = { first: scalars(initial, 'loss_initial'), last: scalars(final, 'loss_finetuned') };
    const { kept } = await selectBy(
      'learnability',
      { rows: initial.length, columns },
      { form, initial: 'first', final: 'last' },
      { budget: 'n' in inputs ? numberOf(inputs, 'n') : (outputs[rows] as unknown[]).length, seed: 42 },
    );
    found.push(differs(rows, outputs[rows], [...kept]));
  }
  return firstOf(...found);
}

/** Loss differences, absolute and relative, and the rows that rank highest. */
export const learnabilityChecks: CaseCheck[] = [
  {
    folder: 'learnability',
    inputs: { required: ['loss_initial', 'loss_finetuned'], optional: ['n'] },
    outputs: { anyOf: ['delta', 'relative', 'top_delta', 'top_relative'] },
    run,
  },
];
