import { WinnowError } from '../../base/errors.ts';
import { CostOptions, describeCost, parseCostOptions, refuseUnusedCost } from '../../cost/gpu-hours.ts';
import { imageRule } from '../../cost/image-tokens.ts';
import { type RowTokens, rowsWithin, rowTokens } from '../../cost/row-tokens.ts';
import { assumedArenaTime, type EarlierRun, measuredTime, type TimeEstimate } from '../../cost/time.ts';
import { type Dataset, datasetColumns } from '../../dataset/dataset.ts';
import { poolRows } from '../../select/baseline/random-subsets.ts';
import type { CostRequest } from '../../select/compose/request.ts';
import { listsOf } from '../../select/compose/row-lists.ts';
import { NO_SOURCE, parseSourceRules } from '../../select/compose/source-rules.ts';
import { amountOf, keepsNothing, type StageAmount } from '../../select/compose/stage-amount.ts';
import { isFreeEmbedding } from '../../select/inputs/free-embedding.ts';
import { readInputs, type SelectionInputs } from '../../select/inputs/read-inputs.ts';
import type { Project } from '../../store/project.ts';
import { openAvailability, type Readiness, readinessOf } from './availability.ts';
import { type Contestant, methodOf, needsOf } from './contestant.ts';
import { assumptionsFor, type CostAssumptions, costOf } from './cost.ts';
import { parseMethods } from './methods.ts';
import type { ArenaBudget, ArenaMissing, ArenaPlan } from './result.ts';

export interface ArenaRequest extends CostRequest {
  /**
   * `all`, methods by name with options, several in a row: `visnec,self-sup:keep=near,semdedup then visnec`. @default
   * all
   */
  methods?: string | readonly string[] | undefined;
  /**
   * `15%` of the data set's rows, a number of samples, `2M tokens` or `10 gpu-hours`. @default the project's default
   */
  budget?: string | number | undefined;
  /** @default the project's default, else 42 */
  seed?: number | undefined;
  /** Data set of the project. @default the first */
  dataset?: string | undefined;
  /** Data set of the project that stands for the target, for methods that aim at one. */
  reference?: string | undefined;
  /** Which blind loss `necessity` is taken from. @default the first variant of the newest loss */
  blind?: string | undefined;
  /** File with the truth about planted faults. @default `truth.json` beside the data set */
  truth?: string | undefined;
  /** Look at every row as `doctor` does, for duplicates and warnings. @default true */
  doctor?: boolean | undefined;
  /** Random subsets that distances are held against. @default 1000 */
  draws?: number | undefined;
  /** Size of the model that will be fine-tuned, in billions of parameters, for estimates. @default 7 */
  targetSize?: number | undefined;
  /** Size of the proxy, in billions of parameters, for estimates. @default 2 */
  proxySize?: number | undefined;
  signal?: AbortSignal;
  progress?: (done: number, total: number, what: string) => void;
}

/** A request, checked, and what the project has for it. */
export interface OpenedArena {
  dataset: Dataset;
  inputs: SelectionInputs;
  reference: Dataset | undefined;
  budget: StageAmount;
  cost: CostRequest;
  /** Where the budget is by cost. */
  tokens: RowTokens | undefined;
  budgetInfo: ArenaBudget;
  seed: number;
  ready: { contestant: Contestant; readiness: Readiness }[];
  missing: ArenaMissing[];
  /** Columns that are measured first, since that takes no model. */
  free: string[];
  assumptions: CostAssumptions;
}

/** @throws WinnowError of the methods, their rules, the budget, the seed and the data sets */
export async function openArena(project: Project, request: ArenaRequest): Promise<OpenedArena> {
  const { defaults } = project.config();
  const textOnly = defaults.textOnly === undefined ? {} : { textOnly: defaults.textOnly };
  const contestants = parseMethods(request.methods ?? 'all', textOnly);
  const seed = request.seed ?? defaults.seed ?? 42;
  checkWhole('seed', seed, 0, 0xffffffff);
  const dataset = await project.dataset(request.dataset);
  const costOptions = parseCostOptions(request);
  const given = request.budget ?? defaults.budget;
  const budget = amountOf({ method: 'arena', budget: given }, true, dataset.rows, costOptions)!;
  // Images are counted for estimates as well.
  if (budget.cost === undefined) refuseUnusedCost(request, ['imageTokens']);
  const reference = request.reference === undefined ? undefined : await project.dataset(request.reference);
  for (const { rules } of contestants) await checkRules(project, dataset, rules);
  const inputs = await readInputs(project, dataset, [], { blind: request.blind });
  const excluded = inputs.input.excluded ?? new Map<number, string>();
  const tokens =
    budget.cost === undefined ? undefined : await rowTokens(project, dataset, costOptions, excluded, request);
  const assumptions = await assumptionsFor(
    dataset,
    { target: request.targetSize, proxy: request.proxySize },
    await imageRule(project, dataset, costOptions.imageTokens),
    request.signal,
  );
  const pool = await openAvailability(project, dataset, request.blind, true);
  const other = reference === undefined ? undefined : await openAvailability(project, reference, request.blind, false);
  const ready: OpenedArena['ready'] = [];
  const missing: ArenaMissing[] = [];
  const free = new Set<string>();
  for (const contestant of contestants) {
    const readiness = await readinessOf(contestant, pool, other);
    if (readiness.missing.length === 0 && !readiness.needsReference) {
      ready.push({ contestant, readiness });
      for (const column of needsOf(contestant)) if (await isFreeEmbedding(project, dataset, column)) free.add(column);
      continue;
    }
    missing.push({
      id: contestant.id,
      method: methodOf(contestant),
      title: contestant.title,
      missing: readiness.missing,
      needsReference: readiness.needsReference,
      cost: costOf(readiness.missing, assumptions),
    });
  }
  return {
    dataset,
    inputs,
    reference,
    budget,
    cost: budget.cost === undefined ? {} : costGiven(request),
    tokens,
    budgetInfo: budgetOf(budget, poolRows(dataset.rows, excluded), tokens, costOptions),
    seed,
    ready,
    missing,
    free: [...free],
    assumptions,
  };
}

/** @throws WinnowError of rules for sources and lists of ids, before anything is measured or chosen */
async function checkRules(project: Project, dataset: Dataset, rules: Contestant['rules']): Promise<void> {
  if (Object.keys(rules).length === 0) return;
  parseSourceRules(rules, new Set(datasetColumns(dataset).source.map((source) => source ?? NO_SOURCE)));
  await listsOf(project, dataset, rules);
}

/** Options of cost among those of a request. */
function costGiven(request: ArenaRequest): CostRequest {
  const names = Object.keys(CostOptions.shape);
  return Object.fromEntries(
    Object.entries(request).filter(([name, value]) => names.includes(name) && value !== undefined),
  );
}

/** The budget in words and numbers. @throws WinnowError `BUDGET_INVALID` where not one sample is within it */
function budgetOf(
  { text, amount, cost }: StageAmount,
  pool: Int32Array,
  tokens: RowTokens | undefined,
  options: CostOptions,
): ArenaBudget {
  const resolved = amount(pool.length, 0);
  if ('count' in resolved) return { budget: text, requested: resolved.count };
  const { tokens: counts, about } = tokens!;
  if (pool.every((row) => counts[row]! > resolved.tokens)) throw keepsNothing(`A budget of ${text}`);
  return {
    budget: text,
    requested: rowsWithin(resolved.tokens, pool, counts),
    cost: { unit: cost!.unit, limit: resolved.tokens, tokens: about, assumptions: describeCost(options) },
  };
}

/** What the arena would run, measure first, and lack. */
export async function planArena(project: Project, request: ArenaRequest): Promise<ArenaPlan> {
  const { dataset, reference, budgetInfo, seed, ready, missing, free, assumptions } = await openArena(project, request);
  return {
    dataset: dataset.name,
    rows: dataset.rows,
    ...budgetInfo,
    seed,
    runs: ready.map(({ contestant }) => ({ id: contestant.id, title: contestant.title, columns: needsOf(contestant) })),
    free,
    ...(reference === undefined ? {} : { reference: reference.name }),
    missing,
    missingCost: missingCost(missing, assumptions),
    assumptions,
    time: await arenaTime(project, dataset, ready.length, request.doctor !== false),
  };
}

/** By the rate of earlier arenas of the data set with as many methods or more, else by assumptions. */
async function arenaTime(
  project: Project,
  { name, rows }: Dataset,
  methods: number,
  doctor: boolean,
): Promise<TimeEstimate> {
  const earlier = (await project.lineage()).flatMap(({ kind, about }): EarlierRun[] => {
    const { chosen, seconds } = about;
    const isLike = kind === 'report' && about.dataset === name && about.doctor === doctor;
    if (!isLike || typeof chosen !== 'number' || chosen < methods / 2) return [];
    return [{ rows: Number(about.rows), passes: chosen, seconds: Number(seconds) }];
  });
  return measuredTime({ rows, passes: methods }, earlier) ?? assumedArenaTime(rows, methods, doctor);
}

/** Of everything that is missing, shared passes counted once. */
export function missingCost(missing: readonly ArenaMissing[], assumptions: CostAssumptions): ArenaPlan['missingCost'] {
  return costOf(
    missing.flatMap((one) => one.missing),
    assumptions,
  );
}

/** @throws WinnowError `OPTION_INVALID` */
export function checkWhole(what: string, value: number, least: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  throw new WinnowError({
    code: 'OPTION_INVALID',
    message: `${what} is a whole number from ${least} to ${most}, got ${value}.`,
    hint: 'See: winnow arena --help',
    exitCode: 2,
  });
}
