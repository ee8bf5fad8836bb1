import type { Dataset } from '../../dataset/dataset.ts';
import { instructionOf } from '../../dataset/sample.ts';
import { wideOf } from '../../numeric/columns.ts';
import { mean, standardDeviation } from '../../numeric/statistics/statistics.ts';
import { clusterableRows, clusterRows } from '../../select/kit/clustering.ts';
import { groupBy } from '../../select/kit/columns.ts';
import type { Project } from '../../store/project.ts';
import { columnsNamed, storedSignals } from '../../store/signals.ts';
import { clusterTerms } from '../cluster-terms.ts';
import { type Truth, truthColumns } from '../truth.ts';
import type { CodeRows } from './doctor-rows.ts';
import { type MetricAccumulator, measure, openAccumulator, type Quantity } from './quantities.ts';
import type { QuantityInfo } from './result.ts';

/** Groups that a subset is made of. */
export interface Groups {
  name: 'source' | 'cluster';
  /** Group of each row, -1: none. */
  groups: Int32Array;
  labels: string[];
}

/** All by which subsets are measured. */
export interface Metrics {
  /** Measures the quantities of `infos`. */
  accumulator: MetricAccumulator;
  infos: QuantityInfo[];
  groups: Groups[];
}

/** Clusters of the instructions that subsets are compared by; VisNec's number. */
const CLUSTERS = 20;

export interface MetricParts {
  project: Project;
  dataset: Dataset;
  /** Rows that can be chosen. */
  pool: Int32Array;
  source: readonly (string | null)[];
  doctor: readonly CodeRows[];
  truth?: Truth | undefined;
  seed: number;
  signal?: AbortSignal;
}

/** Every scalar signal there is, make-up by source and cluster, findings of the doctor, planted faults. */
export async function openMetrics(parts: MetricParts): Promise<Metrics> {
  const groups = [sourceGroups(parts.source), await clusterGroups(parts)].filter((one) => one !== undefined);
  const drafts: (Pick<QuantityInfo, 'group' | 'title'> & { quantity: Quantity })[] = [
    ...(await signalDrafts(parts)),
    ...groups.map(({ name, groups: of, labels }) => ({
      group: 'composition' as const,
      title: `make-up by ${name}`,
      quantity: { kind: 'composition' as const, name: `composition/${name}`, groups: of, labels: labels.length },
    })),
    ...doctorDrafts(parts),
    ...faultDrafts(parts),
  ];
  const quantities = drafts.map(({ quantity }) => quantity);
  const accumulator = openAccumulator(quantities, parts.pool);
  const whole = measure(accumulator, parts.pool);
  const infos = drafts.map(({ group, title, quantity }, q) => ({
    name: quantity.name,
    group,
    title,
    pool: whole[q]!,
    spread:
      quantity.kind === 'mean'
        ? standardDeviation(Float64Array.from(parts.pool, (row) => quantity.values[row]!))
        : Number.NaN,
  }));
  return { accumulator, infos, groups };
}

async function signalDrafts({ project, dataset, pool }: MetricParts) {
  const names = new Set<string>();
  for (const { entry, shards } of await storedSignals(project, dataset)) {
    if (shards.some((shard) => !shard.done)) continue;
    for (const { name, kind, width } of entry.columns) {
      if ((kind === 'f32' || kind === 'i32') && width === 1) names.add(name);
    }
  }
  const drafts = [];
  for (const name of [...names].sort()) {
    const block = await columnsNamed(project, dataset, [name], { partial: true });
    const { data } = block.columns[name]!;
    const values = Float64Array.from(data as ArrayLike<number>);
    if (!Number.isFinite(mean(Float64Array.from(pool, (row) => values[row]!)))) continue;
    const quantity: Quantity = { kind: 'mean', name: `signal/${name}`, values };
    drafts.push({ group: 'signal' as const, title: name, quantity });
  }
  return drafts;
}

function sourceGroups(source: readonly (string | null)[]): Groups | undefined {
  const { groups, labels } = groupBy(source);
  const isMixed = labels.length > 1 || (labels.length === 1 && groups.includes(-1));
  return isMixed ? { name: 'source', groups, labels: labels.map(String) } : undefined;
}

/**
 * One clustering for all methods, of the instructions, so that their make-up can be compared whatever they cluster
 * themselves.
 */
async function clusterGroups({ project, dataset, pool, seed, signal }: MetricParts): Promise<Groups | undefined> {
  const stored = await storedSignals(project, dataset);
  const latest = stored.find(({ entry }) => entry.columns.some(({ name }) => name === 'instruction'));
  const isThere = latest?.shards.every((shard) => shard.done) === true;
  // A damaged file is a fault and not a missing column.
  const column = isThere
    ? (await columnsNamed(project, dataset, ['instruction'], { stored })).columns.instruction
    : undefined;
  if (column?.kind !== 'f32') return undefined;
  const vectors = wideOf({ data: column.data, rows: dataset.rows, width: column.width });
  const context = { budget: 0, seed, signal };
  const { clusters, k } = await clusterRows(vectors, await clusterableRows(vectors, [...pool]), CLUSTERS, context);
  if (k < 2) return undefined;
  const terms = clusterTerms(await questionsOf(dataset), clusters, 3);
  const labels = Array.from({ length: k }, (_, c) =>
    [`${c}`, (terms.get(c) ?? []).join(', ')].filter(Boolean).join(' · '),
  );
  return { name: 'cluster', groups: clusters, labels };
}

async function questionsOf(dataset: Dataset): Promise<string[]> {
  const questions: string[] = [];
  for await (const batch of dataset.batches()) {
    for (const sample of batch.samples) questions.push(sample === null ? '' : instructionOf(sample));
  }
  return questions;
}

function doctorDrafts({ doctor, dataset, pool }: MetricParts) {
  const canBeChosen = new Set(pool);
  // Remarks are no faults.
  const found = doctor.filter(({ severity, rows }) => severity !== 'info' && rows.some((row) => canBeChosen.has(row)));
  const shares = found.map(({ code, title, rows }) => ({ code, title, mask: maskOf(rows, dataset.rows) }));
  // Warnings that hold for most rows would drown the errors.
  const errors = found.filter(({ severity }) => severity === 'error').flatMap(({ rows }) => rows);
  if (errors.length > 0)
    shares.unshift({ code: 'any', title: 'any error of the doctor', mask: maskOf(errors, dataset.rows) });
  return shares.map(({ code, title, mask }) => ({
    group: 'doctor' as const,
    title,
    quantity: { kind: 'mean', name: `doctor/${code}`, values: mask } satisfies Quantity,
  }));
}

function faultDrafts({ truth, dataset, pool }: MetricParts) {
  if (truth === undefined) return [];
  const { fault } = truthColumns(truth, dataset);
  const there = new Set(Array.from(pool, (row) => fault[row]));
  const kinds = truth.faults.filter(({ key }) => there.has(key));
  if (kinds.length === 0) return [];
  const share = (name: string, title: string, isIt: (key: string | null) => boolean) => ({
    group: 'fault' as const,
    title,
    quantity: {
      kind: 'mean',
      name: `fault/${name}`,
      values: Float64Array.from(fault, (key) => (isIt(key) ? 1 : 0)),
    } satisfies Quantity,
  });
  return [
    share('any', 'any planted fault', (key) => key !== null),
    ...kinds.map(({ key, title }) => share(key, title, (one) => one === key)),
  ];
}

function maskOf(rows: readonly number[], length: number): Float64Array {
  const mask = new Float64Array(length);
  for (const row of rows) mask[row] = 1;
  return mask;
}
