import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { WinnowError } from '../base/errors.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { auc } from '../numeric/statistics/statistics.ts';

/** Truth about planted faults: which rows are faulty and how, and which are sound and need the image. */
const Truth = z.object({
  faults: z.array(
    z.object({
      key: z.string(),
      title: z.string(),
      about: z.string(),
      separable: z.boolean().default(false).describe('necessity is meant to tell it from visual rows'),
    }),
  ),
  rows: z.record(z.string(), z.object({ fault: z.string().optional(), visual: z.boolean().optional() })),
});
export type Truth = z.infer<typeof Truth>;

/** Read a truth file. @throws WinnowError `TRUTH_MISSING`, `TRUTH_INVALID` */
export async function readTruth(path: string): Promise<Truth> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') throw missing(path, cause);
    throw invalid(path, cause instanceof Error ? cause.message : String(cause), cause);
  }
  const truth = Truth.safeParse(parsed);
  if (truth.success) return truth.data;
  const issue = truth.error.issues[0];
  throw invalid(path, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a truth file'}`);
}

function missing(path: string, cause: unknown): WinnowError {
  return new WinnowError({
    code: 'TRUTH_MISSING',
    message: 'There is no such file with the truth about planted faults.',
    where: { file: path },
    hint: 'Check the path.',
    exitCode: 2,
    cause,
  });
}

function invalid(path: string, what: string, cause?: unknown): WinnowError {
  return new WinnowError({
    code: 'TRUTH_INVALID',
    message: `The truth file can't be used: ${what}.`,
    where: { file: path },
    hint: 'It holds {"faults": [{"key", "title", "about"}], "rows": {"<id>": {"fault": "<key>"} or {"visual": true}}}.',
    cause,
  });
}

/** Fault of each row (null: none), and 1 where the row is sound and can't be answered without the image. */
export function truthColumns(truth: Truth, dataset: Dataset): { fault: (string | null)[]; visual: Uint8Array } {
  return {
    fault: dataset.ids.map((id) => truth.rows[id]?.fault ?? null),
    visual: Uint8Array.from(dataset.ids, (id) => (truth.rows[id]?.visual === true ? 1 : 0)),
  };
}

/** How well a score tells the rows of two kinds apart. */
export interface Separation {
  title: string;
  /** Area under the ROC curve. */
  value: number;
  positives: number;
  negatives: number;
}

/** How well necessity tells each fault from the visual rows: the chance that a visual row has the larger S. */
export function separation(
  truth: Truth,
  { fault, visual }: ReturnType<typeof truthColumns>,
  necessity: Float32Array,
): Separation[] {
  return truth.faults.flatMap((kind) => {
    const rows = [...necessity.keys()].filter(
      (row) => Number.isFinite(necessity[row]) && (visual[row] === 1 || fault[row] === kind.key),
    );
    const positives = rows.filter((row) => visual[row] === 1).length;
    if (positives === 0 || positives === rows.length) return [];
    const value = auc(
      rows.map((row) => necessity[row]!),
      rows.map((row) => visual[row] === 1),
    );
    return [
      { title: `Visual rows above: ${kind.title.toLowerCase()}`, value, positives, negatives: rows.length - positives },
    ];
  });
}

/**
 * The cluster that a fault's rows fill by themselves: at least four fifths of it are theirs, and half of them are in
 * it.
 */
export function ownCluster(fault: readonly (string | null)[], key: string, clusters: Int32Array): number | undefined {
  const sizes = new Map<number, number>();
  const theirs = new Map<number, number>();
  let total = 0;
  clusters.forEach((cluster, row) => {
    if (cluster < 0) return;
    sizes.set(cluster, (sizes.get(cluster) ?? 0) + 1);
    if (fault[row] !== key) return;
    total++;
    theirs.set(cluster, (theirs.get(cluster) ?? 0) + 1);
  });
  return [...theirs.entries()].find(([cluster, n]) => n >= 0.8 * sizes.get(cluster)! && n >= 0.5 * total)?.[0];
}
