import type { Dataset } from '../dataset/dataset.ts';
import { WinnowError } from '../dataset/errors.ts';
import type { Project } from '../store/project.ts';
import { loadSelection } from '../store/selections.ts';
import { poolRows } from './baseline.ts';
import type { CostBudget } from './budget.ts';
import type { Composed, Composition, Stage, StageCount } from './compose.ts';
import { embedWhereFree } from './embed-text.ts';
import { rowsListed } from './id-list.ts';
import { readInputs, type SelectionInputs } from './inputs.ts';
import { refuseOtherOrigin } from './one-source.ts';
import { findSelector, parseOptions } from './registry.ts';
import type { SelectRequest, StageRequest } from './request.ts';
import { type RowTokens, rowTokens } from './row-tokens.ts';
import { columnsOf, type SelectorInput, streamedByAll } from './selector.ts';
import { NO_SOURCE, parseSourceRules } from './source-bounds.ts';
import { amountOf, type StageAmount } from './stage-amount.ts';
import { CostOptions, describeCost, hoursOfTokens, parseCostOptions } from './training-cost.ts';

/** How a selection was put together: what a reader needs to know of it, and to make it again. */
export interface CompositionRecord {
  stages: (StageCount & Pick<StageRequest, 'budget' | 'pass' | 'reference'>)[];
  /** The earlier selection whose rows were the pool. */
  from?: { selection: string; rows: number };
  alwaysKeep?: { given: string[]; rows: number };
  neverKeep?: { given: string[]; rows: number };
  /** What was demanded of each source with a rule, and what it gave. */
  sources?: Composed['sources'];
  /** A budget by cost: limit and use in tokens, where the tokens are known from, what GPU-hours assume. */
  cost?: {
    unit: CostBudget['unit'];
    limit: number;
    spent: number;
    gpuHours: number;
    tokens: string;
    assumptions: string;
  };
  /** Options as they were given, but for those of stages. */
  asked: Record<string, unknown>;
}

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

/** Reads everything that a request names: columns, lists, budgets. Nothing is chosen yet. @throws WinnowError for whatever is wrong with it */
export async function planSelection(project: Project, request: SelectRequest): Promise<SelectionPlan> {
  const defaults = project.config().defaults;
  const costOptions = parseCostOptions(request);
  const requests: StageRequest[] = [...(request.before ?? []), withDefault(request, defaults.budget)];
  const chosen = requests.map(({ method, options }) => {
    const selector = findSelector(method);
    const textOnly = defaults.textOnly === undefined ? {} : { textOnly: defaults.textOnly };
    return { selector, options: parseOptions(selector, { ...textOnly, ...options }) };
  });
  const dataset = await project.dataset(request.dataset);
  const from = request.from === undefined ? undefined : await earlier(project, dataset, request.from);
  const budgets = requests.map((stage, s) =>
    amountOf(stage, s === requests.length - 1, from?.rows.length ?? dataset.rows, costOptions),
  );
  const embedded: string[] = [];
  const inputs = await readAll(project, dataset, chosen, request, embedded);
  const lists = await listsOf(project, dataset, request, inputs.input);
  const outside = outsideOf(dataset, inputs.input, lists.never, from?.rows);
  const isAlways = new Set(lists.always);
  const pool = poolRows(dataset.rows, { has: (row) => outside.has(row) || isAlways.has(row) });
  for (const row of lists.always) outside.delete(row);
  const sources = inputs.about.source.map((source) => source ?? NO_SOURCE);
  const hasRules = [request.quota, request.floor, request.max].some((rule) => rule !== undefined);
  const rules = hasRules ? parseSourceRules(request, new Set(sources)) : undefined;
  const isByCost = budgets.some((budget) => budget?.cost !== undefined);
  const tokens = isByCost ? await rowTokens(project, dataset, costOptions, outside) : undefined;
  const stages = await Promise.all(
    chosen.map(async ({ selector, options }, s): Promise<Stage> => {
      const amount = budgets[s]?.amount;
      return {
        selector,
        options,
        input: await stageInput(project, inputs, { ...requests[s]!, blind: request.blind }, { selector, options }),
        ...(amount === undefined ? {} : { amount: (arriving) => amount(arriving, lists.always.length) }),
      };
    }),
  );
  const last = budgets.at(-1)!;
  checkAlways(lists.always, last!, tokens?.tokens);
  const plan: Composition = {
    rows: dataset.rows,
    stages: stages as unknown as Composition['stages'],
    pool,
    always: lists.always,
    outside,
    sources,
    ...(rules === undefined ? {} : { rules }),
    ...(tokens === undefined ? {} : { tokens: tokens.tokens }),
  };
  const asked = givenOf(request, ASKED);
  const isPlain =
    stages.length === 1 &&
    last!.cost === undefined &&
    request.pass === undefined &&
    request.reference === undefined &&
    Object.keys(asked).length === 0;
  return {
    plan,
    dataset,
    inputs,
    budget: last!.text,
    embedded,
    record: (composed) =>
      isPlain
        ? undefined
        : {
            stages: composed.stages.map((stage, s) => ({
              ...stage,
              ...givenOf(requests[s]!, ['budget', 'pass', 'reference']),
            })),
            ...(from === undefined ? {} : { from: { selection: from.name, rows: from.rows.length } }),
            ...(request.alwaysKeep === undefined
              ? {}
              : { alwaysKeep: { given: [request.alwaysKeep].flat(), rows: lists.always.length } }),
            ...(request.neverKeep === undefined
              ? {}
              : { neverKeep: { given: [request.neverKeep].flat(), rows: lists.never.length } }),
            ...(rules === undefined ? {} : { sources: composed.sources }),
            ...(last!.cost === undefined ? {} : { cost: costOf(last!.cost, composed, tokens!, costOptions) }),
            asked,
          },
  };
}

/** Options of a request that its record repeats, so that the command can be given again. */
const ASKED = ['from', 'quota', 'floor', 'max', 'alwaysKeep', 'neverKeep', ...Object.keys(CostOptions.shape)];

function givenOf(request: object, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(request).filter(([name, value]) => names.includes(name) && value !== undefined),
  );
}

function withDefault(request: SelectRequest, budget: string | number | undefined): StageRequest {
  return request.pass === undefined ? { ...request, budget: request.budget ?? budget } : request;
}

/** Rows that an earlier selection kept. @throws WinnowError `SELECTION_UNKNOWN`, `DATASET_CHANGED`, `SELECTION_OTHER_DATASET` */
async function earlier(project: Project, dataset: Dataset, name: string): Promise<{ name: string; rows: Int32Array }> {
  const { kept, dataset: made } = await loadSelection(project, name);
  if (made.hash === dataset.hash) return { name, rows: kept };
  const isOther = made.name !== dataset.name;
  throw new WinnowError({
    code: isOther ? 'SELECTION_OTHER_DATASET' : 'DATASET_CHANGED',
    message: isOther
      ? `The selection "${name}" was made from the data set "${made.name}", not from "${dataset.name}".`
      : `The data set "${dataset.name}" has changed since the selection "${name}" was made.`,
    hint: isOther ? `Give --dataset ${made.name}.` : 'Make that selection again first.',
    exitCode: isOther ? 2 : 1,
  });
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
      ...(signal === undefined ? {} : { signal }),
      ...(progress === undefined ? {} : { progress }),
    });
    if (note !== undefined) embedded.push(note);
  };
  const needs = new Set(chosen.flatMap(({ selector, options }) => selector.needs(options)));
  const streams = streamedByAll(chosen.map(({ selector, options }) => columnsOf(selector, options)));
  return readInputs(project, dataset, [...needs], { blind, prepare: dryRun ? undefined : prepare, streams });
}

const pick = <T>(all: Readonly<Record<string, T>>, names: readonly string[]): Record<string, T> =>
  Object.fromEntries(names.flatMap((name) => (name in all ? [[name, all[name]!]] : [])));

/** The part of the input that a stage reads, with its target. @throws WinnowError `REFERENCE_MISSING`, `REFERENCE_UNUSED`, `REFERENCE_DIFFERS` */
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

/** Rows always and never kept. @throws WinnowError `ID_UNKNOWN`, `LISTS_CLASH`, `ALWAYS_UNUSABLE` */
async function listsOf(
  project: Project,
  dataset: Dataset,
  { alwaysKeep, neverKeep }: SelectRequest,
  { excluded }: SelectorInput,
): Promise<{ always: Int32Array; never: Int32Array }> {
  const always = await rowsListed(project, dataset, '--always-keep', [alwaysKeep ?? []].flat());
  const never = await rowsListed(project, dataset, '--never-keep', [neverKeep ?? []].flat());
  const isNever = new Set(never);
  const both = always.find((row) => isNever.has(row));
  if (both !== undefined) {
    throw new WinnowError({
      code: 'LISTS_CLASH',
      message: `"${dataset.ids[both]}" is to be kept always and never.`,
      hint: 'Take it off one of the two lists.',
      exitCode: 2,
    });
  }
  const broken = always.find((row) => excluded?.has(row) === true);
  if (broken === undefined) return { always, never };
  throw new WinnowError({
    code: 'ALWAYS_UNUSABLE',
    message: `"${dataset.ids[broken]}" is to be kept always, but it can't be used: ${excluded!.get(broken)}`,
    hint: 'Mend the row, or take it off the list.',
    exitCode: 2,
  });
}

/** Why rows can't be chosen by any method. A list wins over the pool: `always` rows are taken out of this map by the caller. */
function outsideOf(
  dataset: Dataset,
  { excluded }: SelectorInput,
  never: Int32Array,
  from: Int32Array | undefined,
): Map<number, 'excluded' | 'never-keep' | 'not-in-pool'> {
  const outside = new Map<number, 'excluded' | 'never-keep' | 'not-in-pool'>();
  if (from !== undefined) {
    const isIn = new Set(from);
    for (let row = 0; row < dataset.rows; row++) if (!isIn.has(row)) outside.set(row, 'not-in-pool');
  }
  for (const row of never) outside.set(row, 'never-keep');
  for (const row of excluded?.keys() ?? []) outside.set(row, 'excluded');
  return outside;
}

/** @throws WinnowError `ALWAYS_TOO_MANY` */
function checkAlways(always: Int32Array, { amount, text }: StageAmount, tokens: Float64Array | undefined): void {
  if (always.length === 0) return;
  const limit = amount(0, always.length);
  const spent = 'count' in limit ? always.length : always.reduce((sum, row) => sum + tokens![row]!, 0);
  const [most, unit] = 'count' in limit ? [limit.count, 'samples'] : [limit.tokens, 'tokens'];
  if (spent <= most) return;
  throw new WinnowError({
    code: 'ALWAYS_TOO_MANY',
    message: `The samples that are always kept come to ${spent} ${unit}, and the budget of ${text} is ${most}.`,
    hint: 'Raise the budget or shorten the list.',
    exitCode: 2,
  });
}

function costOf(
  { unit, tokens: limit }: NonNullable<StageAmount['cost']>,
  { selection }: Composed,
  { tokens, about }: RowTokens,
  options: CostOptions,
): NonNullable<CompositionRecord['cost']> {
  const spent = selection.kept.reduce((sum, row) => sum + tokens[row]!, 0);
  const gpuHours = hoursOfTokens(spent, options);
  return { unit, limit, spent, gpuHours, tokens: about, assumptions: describeCost(options) };
}
