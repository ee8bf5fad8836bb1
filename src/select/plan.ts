import { WinnowError } from '../base/errors.ts';
import { parseCostOptions, refuseUnusedCost } from '../cost/gpu-hours.ts';
import { type RowTokens, rowTokens } from '../cost/row-tokens.ts';
import { type Dataset, datasetColumns } from '../dataset/dataset.ts';
import type { Project } from '../store/project.ts';
import { poolRows } from './baseline/random-subsets.ts';
import { type Composed, type Composition, compose, type Stage } from './compose/compose.ts';
import { type CompositionRecord, recordOf } from './compose/record.ts';
import type { SelectRequest, StageRequest } from './compose/request.ts';
import { checkAlways, checkUsable, earlierRows, listsOf, outsideOf } from './compose/row-lists.ts';
import { NO_SOURCE, parseSourceRules } from './compose/source-rules.ts';
import { amountOf, keepsNothing } from './compose/stage-amount.ts';
import { refuseOtherOrigin } from './inputs/comparable.ts';
import { embedWhereFree } from './inputs/free-embedding.ts';
import { readInputs, type SelectionInputs } from './inputs/read-inputs.ts';
import { findSelector, parseOptions } from './methods/find.ts';
import { columnsOf, type SelectContext, type SelectorInput, streamedByAll } from './selector.ts';

/** A selection ready to be computed. */
export interface SelectionPlan {
  plan: Composition;
  dataset: Dataset;
  inputs: SelectionInputs;
  /** The budget of the last stage as written. */
  budget: string;
  /** Remarks on what was measured on the way. */
  embedded: string[];
  /** What to write down of the result; undefined for one method with a plain budget. */
  record(composed: Composed): CompositionRecord | undefined;
}

/**
 * Reads everything that a request names: columns, lists, budgets. Nothing is chosen yet.
 *
 * @param known tokens of the rows, where somebody has counted them by the same options
 * @throws WinnowError for whatever is wrong with the request
 */
export async function planSelection(
  project: Project,
  request: SelectRequest,
  known: { tokens?: RowTokens | undefined } = {},
): Promise<SelectionPlan> {
  const defaults = project.config().defaults;
  const costOptions = parseCostOptions(request);
  const requests: StageRequest[] = [...(request.before ?? []), withDefault(request, defaults.budget)];
  const chosen = requests.map(({ method, options }) => {
    const selector = findSelector(method);
    const textOnly = defaults.textOnly === undefined ? {} : { textOnly: defaults.textOnly };
    return { selector, options: parseOptions(selector, { ...textOnly, ...options }) };
  });
  const dataset = await project.dataset(request.dataset);
  const from = request.from === undefined ? undefined : await earlierRows(project, dataset, request.from);
  const budgets = requests.map((stage, s) =>
    amountOf(stage, s === requests.length - 1, from?.rows.length ?? dataset.rows, costOptions),
  );
  // What is wrong with the request is said before anything is measured for it.
  const isByCost = budgets.some((budget) => budget?.cost !== undefined);
  if (!isByCost) refuseUnusedCost(request);
  const lists = await listsOf(project, dataset, request);
  const sources = datasetColumns(dataset).source.map((source) => source ?? NO_SOURCE);
  const hasRules = [request.quota, request.floor, request.max].some((rule) => rule !== undefined);
  const rules = hasRules ? parseSourceRules(request, new Set(sources)) : undefined;
  const embedded: string[] = [];
  const inputs = await readAll(project, dataset, chosen, request, embedded);
  checkUsable(dataset, lists.always, inputs.input);
  const outside = outsideOf(dataset, inputs.input, lists, from?.rows);
  const isAlways = new Set(lists.always);
  const tokens = isByCost
    ? (known.tokens ?? (await rowTokens(project, dataset, costOptions, outside, request)))
    : undefined;
  const last = budgets.at(-1)!;
  checkAlways(lists.always, last, tokens?.tokens);
  const stages: Stage[] = [];
  for (const [s, { selector, options }] of chosen.entries()) {
    const amount = budgets[s]?.amount;
    const input = await stageInput(project, inputs, { ...requests[s]!, blind: request.blind }, { selector, options });
    stages.push({
      selector,
      options,
      input,
      amount: amount === undefined ? undefined : (arriving) => amount(arriving, lists.always.length),
    });
  }
  const parts = { request, stages: requests, from, lists, cost: last.cost, tokens, options: costOptions };
  return {
    plan: {
      rows: dataset.rows,
      stages,
      pool: poolRows(dataset.rows, { has: (row) => outside.has(row) || isAlways.has(row) }),
      always: lists.always,
      outside,
      sources,
      rules,
      tokens: tokens?.tokens,
    },
    dataset,
    inputs,
    budget: last.text,
    embedded,
    record: (composed) => recordOf(parts, composed),
  };
}

/** Chooses as planned. @throws WinnowError `SELECTION_EMPTY` where not one sample is kept, with the reason */
export async function executeSelection(
  { plan, budget }: Pick<SelectionPlan, 'plan' | 'budget'>,
  context: Omit<SelectContext, 'budget' | 'fraction'>,
): Promise<Composed> {
  const composed = await compose(plan, context);
  const { selection } = composed;
  if (selection.kept.length > 0) return composed;
  if (plan.tokens !== undefined && plan.pool.length > 0) throw keepsNothing(`A budget of ${budget}`);
  throw new WinnowError({
    code: 'SELECTION_EMPTY',
    message: `${selection.method} keeps not one of ${plan.rows} samples: ${selection.shortfall?.because ?? 'none can be chosen'}.`,
    hint: 'See which rows are set aside and why with "winnow status", and what was measured with "winnow signals list".',
  });
}

function withDefault(request: SelectRequest, budget: string | number | undefined): StageRequest {
  return request.pass === undefined ? { ...request, budget: request.budget ?? budget } : request;
}

/** Columns of all stages, each read once. What costs nothing is measured on the way. */
async function readAll(
  project: Project,
  dataset: Dataset,
  chosen: readonly Pick<Stage, 'selector' | 'options'>[],
  { blind, dryRun = false, signal, progress }: SelectRequest,
  embedded: string[],
): Promise<SelectionInputs> {
  const prepare = async (column: string): Promise<void> => {
    const note = await embedWhereFree(project, dataset, column, {
      signal,
      progress,
    });
    if (note !== undefined) embedded.push(note);
  };
  const needs = new Set(chosen.flatMap(({ selector, options }) => selector.needs(options)));
  const streams = streamedByAll(chosen.map(({ selector, options }) => columnsOf(selector, options)));
  return readInputs(project, dataset, [...needs], { blind, prepare: dryRun ? undefined : prepare, streams });
}

const pick = <T>(all: Readonly<Record<string, T>>, names: readonly string[]): Record<string, T> =>
  Object.fromEntries(names.flatMap((name) => (name in all ? [[name, all[name]!]] : [])));

/**
 * The part of the input that a stage reads, with its target. @throws WinnowError `REFERENCE_MISSING`,
 * `REFERENCE_UNUSED`, `REFERENCE_DIFFERS`
 */
async function stageInput(
  project: Project,
  { input, from }: Pick<SelectionInputs, 'input' | 'from'>,
  { method, reference, blind }: StageRequest & Pick<SelectRequest, 'blind'>,
  { selector, options }: Pick<Stage, 'selector' | 'options'>,
): Promise<SelectorInput> {
  const names = selector.needs(options);
  const columns = pick(input.columns, names);
  const wide = pick(input.wide ?? {}, names);
  const needs = selector.referenceNeeds?.(options);
  if (needs === undefined && reference === undefined) return { ...input, columns, wide };
  if (needs === undefined) {
    throw new WinnowError({
      code: 'REFERENCE_UNUSED',
      message: `${method} does not compare with a second data set.`,
      hint: 'Leave --reference out, or use less, icons, rds-plus or datainf.',
      exitCode: 2,
    });
  }
  if (reference === undefined) {
    throw new WinnowError({
      code: 'REFERENCE_MISSING',
      message: `${method} compares the pool with samples of a target, and no data set was named for it.`,
      hint: 'Import the target as a second data set, measure the same columns for it, and give --reference NAME.',
      exitCode: 2,
    });
  }
  const target = await readInputs(project, await project.dataset(reference), needs, { blind });
  refuseOtherOrigin(from, target.from);
  return { ...input, columns, wide, reference: target.input };
}
