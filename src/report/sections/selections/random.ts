import type { Dataset } from '../../../dataset/dataset.ts';
import type { savedLimits } from '../../../select/baseline/limits.ts';
import {
  compositionOf,
  meanOf,
  randomBaseline,
  type SubsetStatistic,
  shareOf,
} from '../../../select/baseline/random-subsets.ts';
import { NECESSITY_CLASSES, type NecessityClass } from '../../../select/kit/necessity-class.ts';
import type { ReportInput } from '../../data.ts';

/** Baselines in the shape of the page. Faults are counted, everything else is a share. */
export function reportRandom(
  dataset: Dataset,
  size: number,
  columns: {
    necessity?: Float32Array | undefined;
    source: (string | null)[];
    category: (string | null)[];
    fault?: (string | null)[] | undefined;
    /** Of each row; undefined: not measured. */
    classes?: readonly (NecessityClass | undefined)[] | undefined;
    textOnly: ArrayLike<number>;
  },
  within: Awaited<ReturnType<typeof savedLimits>>,
): NonNullable<ReportInput['random']> {
  const { source, category, fault, classes, textOnly } = columns;
  // S of a row without an image is 0 by definition, and no part of a mean.
  const necessity = columns.necessity?.map((s, row) => (textOnly[row] === 1 ? Number.NaN : s));
  const named = (prefix: string, parts: Record<string, SubsetStatistic>) =>
    Object.entries(parts).map(([name, part]) => [`${prefix}/${name}`, part] as const);
  const countOf =
    (key: string): SubsetStatistic =>
    (rows) =>
      rows.reduce((n, row) => n + (fault?.[row] === key ? 1 : 0), 0);
  const statistics: Record<string, SubsetStatistic> = Object.fromEntries([
    ...(necessity === undefined ? [] : [['necessity', meanOf(necessity)] as const]),
    ...(classes === undefined
      ? []
      : named(
          'class',
          Object.fromEntries(NECESSITY_CLASSES.map((one) => [one, shareOf(classes.map((c) => c === one))])),
        )),
    ...named('source', compositionOf(source)),
    ...(category.some((one) => one !== null) ? named('category', compositionOf(category)) : []),
    ...[...new Set(fault?.filter((one) => one !== null) ?? [])].map((key) => [`fault/${key}`, countOf(key)] as const),
  ]);
  return randomBaseline({ rows: dataset.rows, budget: size, statistics, source, ...within }).map((baseline) => {
    const part = (prefix: string) => {
      const found = Object.entries(baseline.statistics).filter(([name]) => name.startsWith(`${prefix}/`));
      return found.length === 0
        ? undefined
        : Object.fromEntries(
            found.map(([name, { mean, lo, hi }]) => [name.slice(prefix.length + 1), { mean, lo, hi }]),
          );
    };
    const shares = part('class');
    const meanNecessity = baseline.statistics.necessity;
    const [categories, faults] = [part('category'), part('fault')];
    return {
      name: baseline.kind === 'uniform' ? 'uniform' : 'stratified by source',
      draws: baseline.seeds,
      size: baseline.budget,
      meanNecessity:
        meanNecessity === undefined
          ? undefined
          : { mean: meanNecessity.mean, lo: meanNecessity.lo, hi: meanNecessity.hi },
      shares,
      source: part('source') ?? {},
      category: categories,
      fault: faults,
    };
  });
}
