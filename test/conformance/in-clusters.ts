import { gatherRows } from '../../src/numeric/linalg/matrix.ts';
import { selectBy } from '../../src/select/methods/find.ts';
import { prototypeDistances } from '../../src/select/methods/self-sup.ts';
import { pickTypical } from '../../src/select/methods/typiclust/typicality.ts';
import type { CaseCheck } from './check.ts';
import { firstDifference, labels, numberOf, toMatrix, vectors } from './columns.ts';
import { differs } from './compare.ts';
import { type Case, isRecord, toNumbers } from './fixture.ts';

/**
 * The published rule on given clusters. Budgets with rows labelled before are left out: the fixture doesn't say which
 * rows.
 */
async function runTypiclust({ inputs, outputs }: Case): Promise<string | undefined> {
  const points = toMatrix(inputs.features, 'features');
  const input = {
    rows: points.rows,
    columns: { dino: vectors(inputs.features, 'features'), label: labels(inputs.cluster, 'cluster') },
  };
  const { selected_in_order: selected = {}, initial_typicality: initial = {} } = outputs;
  for (const [key, expected] of Object.entries(isRecord(selected) ? selected : {})) {
    const budget = Number(/^budget(\d+)$/.exec(key)?.[1] ?? Number.NaN);
    if (Number.isNaN(budget)) continue;
    const options = { variant: 'official', labels: 'label', normalise: 'none' };
    const { kept } = await selectBy('typiclust', input, options, { budget, seed: 42 });
    const difference = differs(`selected_in_order.${key}`, expected, [...kept]);
    if (difference !== undefined) return difference;
  }
  for (const [cluster, expected] of Object.entries(isRecord(initial) ? initial : {})) {
    if (!isRecord(expected)) continue;
    const members = toNumbers(expected.rows, 'rows');
    const how = { neighbours: 20, distance: 'squared' } as const;
    const found = await pickTypical(gatherRows(points, members), 0, how, { seed: 42 });
    const typicality = [...found.initial];
    const k = Math.min(20, Math.floor(members.length / 2));
    const difference = firstDifference({ rows: members, k, typicality }, expected, {
      byOutput: { typicality: { decimals: 6 } },
    });
    if (difference !== undefined) return `initial_typicality.${cluster}.${difference}`;
  }
  return undefined;
}

/** Distances to the mean of the own cluster, and the rows at either end. */
async function runPrototypes({ inputs, outputs }: Case): Promise<string | undefined> {
  const points = toMatrix(inputs.embeddings, 'embeddings');
  const cluster = toNumbers(inputs.cluster, 'cluster');
  const members = [...new Set(cluster)].map((id) => [...cluster.keys()].filter((row) => cluster[row] === id));
  const input = {
    rows: points.rows,
    columns: { image: vectors(inputs.embeddings, 'embeddings'), label: labels(inputs.cluster, 'cluster') },
  };
  const kept = async (keep: string, distance: string): Promise<number[]> => {
    const context = { budget: numberOf(inputs, 'n'), seed: 42 };
    return [...(await selectBy('self-sup', input, { keep, distance, labels: 'label' }, context)).kept];
  };
  const toPrototypes = (distance: 'cosine' | 'l2'): number[] => {
    const found: number[] = [];
    for (const rows of members) {
      const own = prototypeDistances(gatherRows(points, rows), distance);
      for (const [i, row] of rows.entries()) found[row] = own[i]!;
    }
    return found;
  };
  const found = {
    cosine_to_own_centroid: toPrototypes('cosine').map((distance) => 1 - distance),
    l2_to_own_centroid: toPrototypes('l2'),
    keep_near_cosine: await kept('near', 'cosine'),
    keep_far_cosine: await kept('far', 'cosine'),
    keep_near_l2: await kept('near', 'l2'),
    keep_far_l2: await kept('far', 'l2'),
  };
  return firstDifference(found, outputs);
}

/** Methods that look at how rows lie in their clusters. */
export const clusterChecks: CaseCheck[] = [
  {
    folder: 'typiclust',
    inputs: { required: ['features', 'cluster'] },
    outputs: { anyOf: ['selected_in_order', 'initial_typicality'] },
    run: runTypiclust,
  },
  {
    folder: 'selfsup_prototypes',
    inputs: { required: ['embeddings', 'cluster', 'n'] },
    outputs: { anyOf: /^((cosine|l2)_to_own_centroid|keep_(near|far)_(cosine|l2))$/ },
    run: runPrototypes,
  },
];
