import { selectBy } from '../../src/select/methods/find.ts';
import { planMagic } from '../../src/select/methods/magic.ts';
import type { CaseCheck } from './check.ts';
import { firstDifference, firstOf, numberOf } from './columns.ts';
import { differs } from './compare.ts';
import { type Case, isRecord, toNumber, toNumbers } from './fixture.ts';

/** Labels of a fixture, in the order in which they first occur. */
function distinct(values: unknown, what: string): string[] {
  if (!Array.isArray(values)) throw new TypeError(`${what} is no list`);
  return [...new Set(values.map(String))];
}

/**
 * `selected_in_order`: rows by the budget. Scores are given by row; a source that isn't known is called so, as
 * published.
 */
async function runCoido({ inputs, outputs }: Case): Promise<string | undefined> {
  const { dataset, difficulty } = inputs;
  if (!Array.isArray(dataset)) throw new TypeError('dataset is no list');
  const scores = isRecord(difficulty) ? difficulty : Object.fromEntries(Object.entries(difficulty as object));
  const data = Float32Array.from(dataset, (_, row) =>
    row in scores ? toNumber(scores[row], `difficulty.${row}`) : Number.NaN,
  );
  const input = {
    rows: dataset.length,
    columns: { coido: { kind: 'f32' as const, width: 1, data } },
    source: dataset.map((name) => String(name ?? 'unknown')),
  };
  const found: (string | undefined)[] = [];
  for (const [budget, expected] of Object.entries(outputs.selected_in_order ?? {})) {
    const context = { budget: Number(budget), seed: 42 };
    const { kept } = await selectBy('coido', input, { variant: 'official' }, context);
    found.push(differs(`selected_in_order.${budget}`, expected, [...kept]));
  }
  return firstOf(...found);
}

/** The stages of MAGIC up to the first quota of each bucket. */
async function runMagic({ inputs, outputs }: Case): Promise<string | undefined> {
  const gain = toNumbers(inputs.gain, 'gain');
  const names = distinct(inputs.signature, 'signature');
  const signature = (inputs.signature as unknown[]).map((name) => names.indexOf(String(name)));
  const budget = numberOf(inputs, 'M');
  const rows = [...gain.keys()];
  const plan = planMagic(rows, gain, toNumbers(inputs.bridging, 'bridging'), signature, budget, {
    stays: Math.floor(numberOf(inputs, 'rho') * rows.length),
    eta: numberOf(inputs, 'eta'),
    temperature: numberOf(inputs, 'tau'),
    capShare: 0.05,
  });
  const by = (value: (bucket: (typeof plan.buckets)[number]) => unknown): Record<string, unknown> =>
    Object.fromEntries(plan.buckets.map((bucket) => [names[bucket.label], value(bucket)]));
  const stages: Record<string, unknown> = {
    kept_after_gain: plan.survivors,
    quality: Object.fromEntries(plan.quality),
    shortlist: plan.shortlist,
    buckets: by((bucket) => bucket.rows),
    mass_share: by((bucket) => bucket.mass),
    floor_M_times_p: by((bucket) => Math.floor(budget * bucket.mass)),
    initial_quota: by((bucket) => bucket.firstQuota),
  };
  return firstDifference(stages, outputs, { byOutput: { quality: { decimals: 6 } } });
}

/** Methods that give quotas to sources or buckets. */
export const quotaChecks: CaseCheck[] = [
  {
    folder: 'coido',
    inputs: { required: ['dataset', 'difficulty'] },
    outputs: { anyOf: ['selected_in_order'] },
    run: runCoido,
  },
  {
    folder: 'magic',
    inputs: { required: ['gain', 'bridging', 'signature', 'M', 'rho', 'eta', 'tau'] },
    outputs: {
      anyOf: ['kept_after_gain', 'quality', 'shortlist', 'buckets', 'mass_share', 'floor_M_times_p', 'initial_quota'],
    },
    run: runMagic,
  },
];
