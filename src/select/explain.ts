import { WinnowError } from '../base/errors.ts';
import { didYouMean } from '../base/suggest.ts';
import { instructionOf, responseOf } from '../dataset/sample.ts';
import type { Project } from '../store/project.ts';
import { type LoadedSelection, listSelections, loadSelection, newestSelection } from '../store/selections.ts';
import { columnsNamed } from '../store/signals.ts';
import type { CompositionRecord } from './compose/record.ts';
import { neighbours } from './kept-neighbours.ts';
import { necessityClass } from './kit/necessity-class.ts';
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
  kept: boolean;
  reason: Reason;
  /** The reason as a sentence. */
  because: string;
  question: string;
  answer: string;
  images: string[];
  source: string | null;
  /** Numbers of the row from the signals that have been scored, by column. */
  measured: Record<string, number>;
  /** The row's group in the selection: size, candidates, quota, kept. */
  cluster?: { cluster: number; size: number; candidates: number; quota: number; kept: number };
  neighbours: { id: string; row: number; similarity: number; question: string }[];
}

/** The name given, else that of the newest selection. @throws WinnowError `SELECTION_MISSING` */
export async function selectionOrNewest(project: Project, given?: string): Promise<string> {
  const name = given ?? (await newestSelection(project)) ?? (await listSelections(project)).at(-1);
  if (name !== undefined) return name;
  throw new WinnowError({
    code: 'SELECTION_MISSING',
    message: 'This project has no selection yet.',
    hint: 'Make one first: winnow select visnec --budget 15%',
    exitCode: 2,
  });
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
  const selection = await loadSelection(project, name);
  const dataset = await project.dataset(selection.dataset.name);
  if (dataset.hash !== selection.dataset.hash) {
    throw new WinnowError({
      code: 'DATASET_CHANGED',
      message: `The data set "${dataset.name}" has changed since the selection "${name}" was made.`,
      hint: 'Score and select again.',
    });
  }
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
  const reason = withClass(selection.reasons[row]! as Reason, selection);
  const measured: Record<string, number> = {};
  for (const column of SHOWN) {
    const block = await columnsNamed(project, dataset, [column], { partial: true }).catch(() => undefined);
    const found = block?.columns[column];
    if ((found?.kind === 'f32' || found?.kind === 'i32') && Number.isFinite(found.data[row]))
      measured[column] = found.data[row]!;
  }
  // The counts are those of the last stage.
  const isLast = reason.stage === undefined || reason.stage === stagesOf(selection).length;
  const cluster = selection.perCluster.find(
    (count) => isLast && count.cluster === reason.cluster && count.cluster >= 0,
  );
  const quarantined = dataset.quarantined.find((item) => item.row === row);
  return {
    id: request.id,
    row,
    selection: name,
    kept: reason.kept,
    reason,
    because: `${describeReason(reason, stagesOf(selection))}${quarantined === undefined ? '' : ` (${quarantined.reason})`}`,
    question: sample ? instructionOf(sample) : '',
    answer: sample ? responseOf(sample) : '',
    images: sample?.media.images.map((image) => image.path) ?? [],
    source: dataset.sourceOf(row),
    measured,
    cluster,
    neighbours: await nearestKept(project, dataset, selection, row, request.neighbours ?? 5),
  };
}

/** Methods of a pipeline, in their order. */
function stagesOf({ lineage, method }: LoadedSelection): string[] {
  const { stages } = (lineage.composition as Pick<CompositionRecord, 'stages'> | undefined) ?? {};
  return stages?.map((stage) => stage.method) ?? [method];
}

/** Saved reasons hold the score and not its class, which the threshold of the selection gives. */
function withClass(reason: Reason, selection: LoadedSelection): Reason {
  const { stages } = (selection.lineage.composition as Pick<CompositionRecord, 'stages'> | undefined) ?? {};
  const { method, options } = stages?.[(reason.stage ?? 1) - 1] ?? selection;
  if (method !== 'visnec' || reason.score === undefined || typeof options.threshold !== 'number') return reason;
  const found = necessityClass(reason.score, options.threshold);
  return found === undefined ? reason : { ...reason, class: found };
}

async function nearestKept(
  project: Project,
  dataset: Awaited<ReturnType<Project['dataset']>>,
  selection: LoadedSelection,
  row: number,
  k: number,
): Promise<Explanation['neighbours']> {
  const column = typeof selection.options.embedding === 'string' ? selection.options.embedding : 'instruction';
  const block = await columnsNamed(project, dataset, [column], { partial: true }).catch(() => undefined);
  const found = block?.columns[column];
  if (k === 0 || found?.kind !== 'f32' || !Number.isFinite(found.data[row * found.width])) return [];
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
