import { selectBy } from '../../src/select/methods/find.ts';
import type { Selection } from '../../src/select/selector.ts';
import type { CaseCheck } from './check.ts';
import { differs } from './compare.ts';
import { type Case, isRecord, toNumber, toNumbers } from './fixture.ts';

function select({ inputs }: Case, options: Record<string, unknown>): Promise<Selection> {
  const necessity = toNumbers(inputs.visnec, 'visnec');
  const cluster = toNumbers(inputs.cluster_id, 'cluster_id');
  const fraction = toNumber(inputs.ratio ?? inputs.top_ratio, 'ratio');
  return selectBy(
    'visnec',
    {
      rows: necessity.length,
      columns: {
        necessity: { kind: 'f32', width: 1, data: Float32Array.from(necessity) },
        cluster: { kind: 'i32', width: 1, data: Int32Array.from(cluster) },
      },
    },
    { labels: 'cluster', textOnly: 'score', ...options },
    { budget: Math.floor(fraction * necessity.length), fraction, seed: 42 },
  );
}

/** Counts by cluster in whichever form the fixture has them: an object by id, a list in the order of ids, or pairs. */
function countsDiffer(
  what: string,
  expected: unknown,
  counts: readonly (readonly [cluster: number, count: number])[],
): string | undefined {
  const byId = new Map(counts.map(([cluster, count]) => [String(cluster), count]));
  if (!Array.isArray(expected)) {
    // Ids without members may be listed with 0 or left out.
    const ids = new Set([...(isRecord(expected) ? Object.keys(expected) : []), ...byId.keys()]);
    const named = [...ids]
      .map((id) => [id, byId.get(id) ?? 0] as const)
      .filter(([id, n]) => n > 0 || isListed(expected, id));
    return differs(what, expected, Object.fromEntries(named));
  }
  if (expected.some((entry) => Array.isArray(entry))) return differs(what, expected, counts);
  // A list longer than the clusters that occur is indexed by id, with zeros for ids that don't.
  const list =
    expected.length > counts.length ? expected.map((_, id) => byId.get(String(id)) ?? 0) : counts.map(([, n]) => n);
  return differs(what, expected, list);
}

const isListed = (value: unknown, key: string): boolean => isRecord(value) && key in value;

async function runOfficial(fixture: Case): Promise<string | undefined> {
  const { kept, perCluster } = await select(fixture, { variant: 'official' });
  const { outputs } = fixture;
  const count = (of: 'kept' | 'size'): [number, number][] => perCluster.map((counts) => [counts.cluster, counts[of]]);
  const found = [
    'selected_rows' in outputs && differs('selected_rows', outputs.selected_rows, [...kept]),
    'n_selected' in outputs && differs('n_selected', outputs.n_selected, kept.length),
    'n_per_cluster' in outputs && countsDiffer('n_per_cluster', outputs.n_per_cluster, count('kept')),
    'cluster_sizes' in outputs && countsDiffer('cluster_sizes', outputs.cluster_sizes, count('size')),
  ];
  return found.find((difference) => typeof difference === 'string') || undefined;
}

async function runReadings(fixture: Case): Promise<string | undefined> {
  const bases = { r_of_cluster: 'cluster', r_of_survivors: 'survivors' };
  for (const [key, base] of Object.entries(bases)) {
    if (!(key in fixture.outputs)) continue;
    const { kept } = await select(fixture, { base });
    const difference = differs(key, fixture.outputs[key], [...kept]);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

const OFFICIAL_OUTPUTS = ['selected_rows', 'n_selected', 'n_per_cluster', 'cluster_sizes'];

/**
 * The published rule on given labels (embeddings and the k-means that made the labels are not needed), and the paper's
 * two readings of "r percent".
 */
export const visnecChecks: CaseCheck[] = [
  {
    folder: 'visnec',
    inputs: { required: ['visnec', 'cluster_id', 'top_ratio'], optional: ['embeddings', 'kmeans'] },
    outputs: { anyOf: OFFICIAL_OUTPUTS },
    run: runOfficial,
  },
  {
    folder: 'visnec',
    inputs: { required: ['visnec', 'cluster_id', 'ratio'], optional: ['embeddings', 'kmeans'] },
    outputs: { anyOf: OFFICIAL_OUTPUTS },
    run: runOfficial,
  },
  {
    folder: 'visnec',
    inputs: { required: ['visnec', 'cluster_id', 'ratio'] },
    outputs: { anyOf: ['r_of_cluster', 'r_of_survivors'] },
    run: runReadings,
  },
];
