import { optionFlags } from '../../base/cli-flags.ts';
import type { Dataset } from '../../dataset/dataset.ts';
import { datasetColumns } from '../../dataset/dataset.ts';
import type { Column } from '../../numeric/columns.ts';
import type { Project } from '../../store/project.ts';
import { findRun, tunedIds } from '../../store/runs.ts';
import { type ReadPlan, readColumns } from '../../store/shard-read.ts';
import { type StoredSignal, storedSignals } from '../../store/signals.ts';
import { columnSuffix } from '../measured/row-loss.ts';
import { judgeFit } from './judge.ts';
import { type Fit, FitNumbers, measureFit } from './measure.ts';

/** Where the columns of a measured loss are, and what is known of its model. */
export interface MeasuredLoss {
  plan: ReadPlan;
  /** Names of the columns that the shards hold. */
  columns: readonly string[];
  /** The model as it was named. */
  model: string;
  vocabulary?: number | undefined;
}

/** Measures the fit from the shards of a loss: of those rows that are there. */
export async function measureStoredFit(
  project: Project,
  dataset: Dataset,
  { plan, columns, model, vocabulary }: MeasuredLoss,
): Promise<FitNumbers | undefined> {
  if (!columns.includes('nll_mm') || !columns.includes('response_tokens')) return undefined;
  const necessities = columns.filter((name) => name.startsWith('necessity_'));
  const scalars = await readColumns(project, plan, ['nll_mm', 'response_tokens', ...necessities], { partial: true });
  const ids = columns.includes('response_ids')
    ? (await readColumns(project, plan, ['response_ids'], { partial: true })).columns.response_ids
    : undefined;
  const { nll_mm: loss, response_tokens: tokens, ...rest } = scalars.columns;
  if (loss?.kind !== 'f32' || tokens?.kind !== 'i32') return undefined;
  const isFloats = (entry: [string, Column]): entry is [string, Column & { kind: 'f32' }] => entry[1].kind === 'f32';
  return measureFit({
    loss: loss.data,
    tokens: tokens.data,
    ids: ids?.kind === 'list' ? ids : undefined,
    necessity: Object.fromEntries(
      Object.entries(rest)
        .filter(isFloats)
        .map(([name, column]) => [name, column.data]),
    ),
    textOnly: datasetColumns(dataset).textOnly,
    vocabulary,
    tuned: await tunedRows(project, dataset, model),
  });
}

/** Rows of a data set that a training run of the project was tuned on, where the model is one. */
async function tunedRows(project: Project, dataset: Dataset, model: string): Promise<Set<number> | undefined> {
  const { isRunName } = await import('../../models/source.ts');
  const run = isRunName(model) ? await findRun(project, model) : undefined;
  if (run === undefined || run.head.dataset.name !== dataset.name) return undefined;
  const ids = await tunedIds(run);
  return new Set(
    ids === undefined ? Array(dataset.rows).keys() : ids.map((id) => dataset.rowOf(id)).filter((row) => row >= 0),
  );
}

/**
 * Whether the model that measured a data set's losses fits it: as it was recorded with the signal, or measured anew
 * where rows have changed since. Undefined where no necessity has been measured.
 *
 * @param blind variant of the loss without the image that is meant. @default the first of the latest loss
 */
export async function fitOf(
  project: Project,
  dataset: Dataset,
  { blind, stored }: { blind?: string | undefined; stored?: readonly StoredSignal[] | undefined } = {},
): Promise<Fit | undefined> {
  const isMeant = ({ name }: { name: string }): boolean =>
    blind === undefined ? isNecessity(name) : name === `necessity_${columnSuffix(blind)}`;
  const holder = (stored ?? (await storedSignals(project, dataset))).find(({ entry }) => entry.columns.some(isMeant));
  if (holder === undefined) return undefined;
  const column = holder.entry.columns.find(isMeant)!.name;
  const numbers = await numbersOf(project, dataset, holder, column);
  return judgeFit(numbers, await subjectOf(project, dataset, holder, column));
}

const isNecessity = (name: string): boolean => name === 'necessity' || name.startsWith('necessity_');

async function numbersOf(
  project: Project,
  dataset: Dataset,
  holder: StoredSignal,
  column: string,
): Promise<FitNumbers | undefined> {
  const { entry, isImported } = holder;
  const recorded = FitNumbers.safeParse(entry.about.fit).data;
  if (recorded !== undefined && entry.datasetHash === dataset.hash) return recorded;
  const columns = entry.columns.map(({ name }) => name);
  const vocabulary = recorded?.vocabulary ?? undefined;
  const model = String(entry.about.model ?? '');
  const measured = await measureStoredFit(project, dataset, { plan: holder, columns, model, vocabulary });
  if (measured !== undefined || !isImported) return measured;
  // An imported S comes without losses: its mean is all there is to judge by.
  const s = (await readColumns(project, holder, [column], { partial: true })).columns[column];
  if (s?.kind !== 'f32') return undefined;
  const { textOnly } = datasetColumns(dataset);
  const loss = new Float32Array(dataset.rows);
  const tokens = new Int32Array(dataset.rows).fill(1);
  const { necessity } = measureFit({ loss, tokens, necessity: { [column]: s.data }, textOnly });
  return { rows: 0, tokens: 0, loss: null, unigram: null, vocabulary: null, necessity, tunedOn: 0, heldApart: false };
}

async function subjectOf(
  project: Project,
  dataset: Dataset,
  { entry, isImported, command }: StoredSignal,
  column: string,
) {
  const isFirst = project.config().datasets[0]?.name === dataset.name;
  const of = isFirst ? '' : optionFlags({ dataset: dataset.name });
  const model = String(entry.about.model ?? 'the model');
  const isServed = entry.params.server !== undefined;
  return {
    model: isImported ? 'the model of these imported numbers' : model,
    dataset: dataset.name,
    column,
    scoreCommand: isImported ? `winnow score loss${of}` : `${command}${of}`,
    tuneCommand: isImported || isServed ? null : `winnow score loss${await tuneFlags(project, model)}${of}`,
  };
}

/** Options that tune a model to the data; one that was tuned already is tuned on more of it. */
async function tuneFlags(project: Project, model: string): Promise<string> {
  const { isRunName } = await import('../../models/source.ts');
  const run = isRunName(model) ? await findRun(project, model) : undefined;
  const base = run?.head.model.name ?? model;
  const share = run?.head.options.fit === true ? { fitRows: '50%', fitEpochs: 4 } : {};
  return optionFlags({ model: base === 'micro-vlm' ? undefined : base, fit: true, ...share });
}
