import { clusterTerms } from '../../../experiment/cluster-terms.ts';
import type { Column } from '../../../numeric/columns.ts';
import type { ReportInput } from '../../data.ts';
import { project2d } from './project2d.ts';

/** Where every row lies on the map, and the words that tell each cluster from the others. */
export function collectMap(
  rows: number,
  embedding: Column | undefined,
  clusters: Int32Array | undefined,
  questions: readonly string[],
): { x?: Float32Array; y?: Float32Array; clusters?: ReportInput['clusters']; note?: string } {
  const terms =
    clusters === undefined
      ? undefined
      : [...clusterTerms(questions, clusters)].map(([cluster, words]) => ({ cluster, terms: words }));
  if (embedding?.kind !== 'f32') return { clusters: terms };
  const spread = clusters === undefined ? {} : { clusters, spread: 1 };
  return {
    ...project2d(embedding.data, rows, embedding.width, spread),
    clusters: terms,
    note: `Two principal components of the embedding of the question${clusters === undefined ? '' : '; clusters are drawn apart a little'}.`,
  };
}
