import { WinnowError } from '../base/errors.ts';
import { didYouMean } from '../base/suggest.ts';
import { type Dataset, datasetColumns } from '../dataset/dataset.ts';
import { instructionOf, responseOf } from '../dataset/sample.ts';
import type { Fit } from '../signals/fit/measure.ts';
import { fitOf } from '../signals/fit/read.ts';
import type { Project } from '../store/project.ts';
import { type LoadedSelection, loadSelection, selectionOrNewest } from '../store/selections.ts';
import { readQuarantined } from '../store/shard-read.ts';
import { columnsNamed, type StoredSignal, storedSignals } from '../store/signals.ts';
import type { CompositionRecord } from './compose/record.ts';
import { onCurrentRows } from './current-selection.ts';
import { neighbours } from './kept-neighbours.ts';
import { type NecessityClass, necessityClass, thresholdsOf } from './kit/necessity-class.ts';
import { selectors } from './methods/find.ts';
import { describeReason, type Reason } from './reasons.ts';

export interface ExplainRequest {
  id: string;
  /** @default the newest selection */
  selection?: string | undefined;
  /** Nearest kept samples to name. @default 5 */
  neighbours?: number;
}

export interface Explanation {
  id: string;
  row: number;
  selection: string;
  /** What has changed since the selection was made; absent where nothing has. */
  stale?: string;
  kept: boolean;
  reason: Reason;
  /** The reason as a sentence. */
  because: string;
  question: string;
  answer: string;
  images: string[];
  source: string | null;
  /** What S says of the row; absent where it has not been measured. */
  class?: NecessityClass;
  /** Whether the model that measured S fits the data: what S says of a row is to be read only where it does. */
  fit?: Fit;
  /** Numbers of the row from the signals that have been scored, by column. */
  measured: Record<string, number>;
  /** The row's group in the selection: size, candidates, quota, kept. */
  cluster?: { cluster: number; size: number; candidates: number; quota: number; kept: number };
  neighbours: { id: string; row: number; similarity: number; question: string }[];
}

/** Columns that a person wants to read of one row, where they exist. */
const SHOWN = [
  'nll_mm',
  'nll_blind_masked',
  'nll_blind_drop',
  'nll_blind_remove',
  'nll_blind_http_drop',
  'nll_blind_http_grey',
  'necessity_masked',
  'necessity_drop',
  'necessity_remove',
  'necessity_http_drop',
  'necessity_http_grey',
  'response_tokens',
  'clip_score',
];

/** Why one sample was kept or dropped by a selection, and which kept samples are most like it. */
export async function explain(project: Project, request: ExplainRequest): Promise<Explanation> {
  const name = await selectionOrNewest(project, request.selection);
  const saved = await loadSelection(project, name);
  const dataset = await project.dataset(saved.dataset.name);
  const { selection, stale } = onCurrentRows(saved, dataset);
  const row = dataset.rowOf(request.id);
  if (row < 0) {
    throw new WinnowError({
      code: 'ID_UNKNOWN',
      message: `There is no sample with the id "${request.id}" in "${dataset.name}".`,
      hint: hintOf(request.id, dataset.ids),
      exitCode: 2,
    });
  }
  const [sample] = await dataset.get([row]);
  const stored = await storedSignals(project, dataset);
  const measured = await measuredOf(project, dataset, stored, row);
  const its = classOfRow(selection, dataset, measured, row);
  const reason = withClass(selection.reasons[row]! as Reason, selection, its);
  // The counts are those of the last stage.
  const isLast = reason.stage === undefined || reason.stage === stagesOf(selection).length;
  const cluster = selection.perCluster.find(
    (count) => isLast && count.cluster === reason.cluster && count.cluster >= 0,
  );
  return {
    id: request.id,
    row,
    selection: name,
    stale,
    fit: await fitOf(project, dataset, { stored }),
    kept: reason.kept,
    reason,
    because: `${describeReason(reason, stagesOf(selection))}${await whySetAside(project, dataset, stored, row, reason)}`,
    question: sample ? instructionOf(sample) : '',
    answer: sample ? responseOf(sample) : '',
    images: sample?.media.images.map((image) => image.path) ?? [],
    source: dataset.sourceOf(row),
    class: its,
    measured,
    cluster,
    neighbours: await nearestKept(project, dataset, stored, selection, row, request.neighbours ?? 5),
  };
}

/** What was measured of a row, of the columns that people read. */
async function measuredOf(
  project: Project,
  dataset: Dataset,
  stored: readonly StoredSignal[],
  row: number,
): Promise<Record<string, number>> {
  const there = new Set(stored.flatMap(({ entry }) => entry.columns.map(({ name }) => name)));
  const names = SHOWN.filter((name) => there.has(name));
  const range = { start: row, end: row + 1 };
  const { columns } = await columnsNamed(project, dataset, names, { partial: true, stored, range });
  return Object.fromEntries(
    names.flatMap((name) => {
      const found = columns[name];
      const isNumber = (found?.kind === 'f32' || found?.kind === 'i32') && Number.isFinite(found.data[0]);
      return isNumber ? [[name, found.data[0]!] as const] : [];
    }),
  );
}

/** The class of a row by the first S that has been measured, at the thresholds of the selection. */
function classOfRow(
  selection: LoadedSelection,
  dataset: Dataset,
  measured: Readonly<Record<string, number>>,
  row: number,
): NecessityClass | undefined {
  const name = SHOWN.find((column) => column.startsWith('necessity_') && column in measured);
  if (name === undefined) return undefined;
  const facts = {
    necessity: measured[name]!,
    blind: measured[name.replace('necessity', 'nll_blind')],
    textOnly: datasetColumns(dataset).textOnly[row] === 1,
  };
  return necessityClass(facts, thresholdsOf(lastOptions(selection)));
}

/** Why a row could not be chosen at all: what the import or a signal said of it, in brackets. */
async function whySetAside(
  project: Project,
  dataset: Dataset,
  stored: readonly StoredSignal[],
  row: number,
  { code }: Reason,
): Promise<string> {
  const own = dataset.quarantined.find((item) => item.row === row);
  if (own !== undefined) return ` (${own.code}: ${own.reason})`;
  if (code !== 'excluded' && code !== 'nan') return '';
  for (const signal of stored) {
    const found = (await readQuarantined(project, signal)).find((item) => item.row === row);
    if (found !== undefined) return ` (${signal.entry.signal} could not be measured, ${found.code}: ${found.reason})`;
  }
  return '';
}

/** Methods of a pipeline, in their order. */
function stagesOf({ lineage, method }: LoadedSelection): string[] {
  const { stages } = (lineage.composition as Pick<CompositionRecord, 'stages'> | undefined) ?? {};
  return stages?.map((stage) => stage.method) ?? [method];
}

/** Options of the method that chose last. */
function lastOptions({ lineage, options }: LoadedSelection): Readonly<Record<string, unknown>> {
  const { stages } = (lineage.composition as Pick<CompositionRecord, 'stages'> | undefined) ?? {};
  return stages?.at(-1)?.options ?? options;
}

/** Saved reasons hold no class: where the method ranks by S, it is that of the row. */
function withClass(reason: Reason, selection: LoadedSelection, its: NecessityClass | undefined): Reason {
  const { stages } = (selection.lineage.composition as Pick<CompositionRecord, 'stages'> | undefined) ?? {};
  const { method } = stages?.[(reason.stage ?? 1) - 1] ?? selection;
  const isOfS = selectors.find(({ name }) => name === method)?.headline === 'necessity';
  return isOfS && reason.score !== undefined && its !== undefined ? { ...reason, class: its } : reason;
}

async function nearestKept(
  project: Project,
  dataset: Dataset,
  stored: readonly StoredSignal[],
  selection: LoadedSelection,
  row: number,
  k: number,
): Promise<Explanation['neighbours']> {
  const column = typeof selection.options.embedding === 'string' ? selection.options.embedding : 'instruction';
  const isThere = stored.some(({ entry }) => entry.columns.some(({ name }) => name === column));
  if (k === 0 || !isThere) return [];
  const found = (await columnsNamed(project, dataset, [column], { partial: true, stored })).columns[column];
  if (found?.kind !== 'f32' || !Number.isFinite(found.data[row * found.width])) return [];
  const near = await neighbours(selection.kept, row, { data: found.data, rows: dataset.rows, width: found.width }, k);
  const samples = await dataset.get(near.map((item) => item.row));
  return near.map((item, i) => ({
    id: dataset.ids[item.row]!,
    row: item.row,
    similarity: item.similarity,
    question: samples[i] ? instructionOf(samples[i]) : '',
  }));
}

/** Ids that a mistyped one may have meant; else how ids look. */
function hintOf(id: string, ids: readonly string[]): string {
  return didYouMean(id, ids).trimEnd() || `Ids look like "${ids[0] ?? ''}".`;
}
