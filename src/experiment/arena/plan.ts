import type { Dataset } from '../../dataset/dataset.ts';
import { WinnowError } from '../../dataset/errors.ts';
import { type Budget, parseBudget, parseCostBudget } from '../../select/budget.ts';
import { isFreeEmbedding } from '../../select/embed-text.ts';
import type { Project } from '../../store/project.ts';
import { openShelf, type Readiness, readinessOf } from './availability.ts';
import { assumptionsFor, type CostAssumptions, costOf } from './cost.ts';
import { type Entry, parseMethods } from './methods.ts';
import type { ArenaMissing, ArenaPlan } from './result.ts';

export interface ArenaRequest {
  /** `all`, or methods by name with options: `visnec,self-sup:keep=near`. @default all */
  methods?: string | readonly string[] | undefined;
  /** `15%` of the data set's rows, or a number of samples. @default the project's default */
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
  reference: Dataset | undefined;
  budget: Budget;
  seed: number;
  ready: { entry: Entry; readiness: Readiness }[];
  missing: ArenaMissing[];
  /** Columns that are measured first, since that takes no model. */
  free: string[];
  assumptions: CostAssumptions;
}

/** @throws WinnowError of the methods, the budget, the seed and the data sets */
export async function openArena(project: Project, request: ArenaRequest): Promise<OpenedArena> {
  const { defaults } = project.config();
  const textOnly = defaults.textOnly === undefined ? {} : { textOnly: defaults.textOnly };
  const entries = parseMethods(request.methods ?? 'all', textOnly);
  const seed = request.seed ?? defaults.seed ?? 42;
  checkWhole('seed', seed, 0, 0xffffffff);
  const dataset = await project.dataset(request.dataset);
  const budget = readBudget(request.budget ?? defaults.budget, dataset.rows);
  const reference = request.reference === undefined ? undefined : await project.dataset(request.reference);
  const assumptions = await assumptionsFor(
    dataset,
    { target: request.targetSize, proxy: request.proxySize },
    request.signal,
  );
  const pool = await openShelf(project, dataset, request.blind, true);
  const other = reference === undefined ? undefined : await openShelf(project, reference, request.blind, false);
  const ready: OpenedArena['ready'] = [];
  const missing: ArenaMissing[] = [];
  const free = new Set<string>();
  for (const entry of entries) {
    const readiness = await readinessOf(entry, pool, other);
    const { id, selector } = entry;
    if (readiness.missing.length === 0 && !readiness.needsReference) {
      ready.push({ entry, readiness });
      for (const column of selector.needs(entry.options)) {
        if (await isFreeEmbedding(project, dataset, column)) free.add(column);
      }
      continue;
    }
    const columns = [...new Set(readiness.missing.map(({ column }) => column))];
    missing.push({
      id,
      method: selector.name,
      title: selector.title,
      missing: readiness.missing,
      needsReference: readiness.needsReference,
      cost: costOf(columns, assumptions),
    });
  }
  return { dataset, reference, budget, seed, ready, missing, free: [...free], assumptions };
}

/** What the arena would run, measure first, and lack. */
export async function planArena(project: Project, request: ArenaRequest): Promise<ArenaPlan> {
  const { dataset, reference, budget, seed, ready, missing, free, assumptions } = await openArena(project, request);
  return {
    dataset: dataset.name,
    rows: dataset.rows,
    budget: budget.text,
    requested: budget.count,
    seed,
    runs: ready.map(({ entry: { id, selector, options } }) => ({
      id,
      title: selector.title,
      columns: selector.needs(options),
    })),
    free,
    ...(reference === undefined ? {} : { reference: reference.name }),
    missing,
    missingCost: missingCost(missing, assumptions),
    assumptions,
  };
}

/** Of everything that is missing, shared passes counted once. */
export function missingCost(missing: readonly ArenaMissing[], assumptions: CostAssumptions): ArenaPlan['missingCost'] {
  const columns = missing.flatMap((one) => one.missing.filter(({ of }) => of === 'pool').map(({ column }) => column));
  return costOf([...new Set(columns)], assumptions);
}

function readBudget(given: string | number | undefined, rows: number): Budget {
  if (given === undefined) {
    throw new WinnowError({
      code: 'BUDGET_MISSING',
      message: 'Methods are compared at one budget, and there is none.',
      hint: 'Give for example --budget 15%, or set a default in winnow.yaml.',
      exitCode: 2,
    });
  }
  if (parseCostBudget(given) !== undefined) {
    throw new WinnowError({
      code: 'BUDGET_INVALID',
      message: `Methods are compared on subsets of one size, and "${given}" is none.`,
      hint: 'Give a percentage or a number of samples, for example --budget 15%.',
      exitCode: 2,
    });
  }
  const budget = parseBudget(given, rows);
  if (budget.count > 0) return budget;
  throw new WinnowError({
    code: 'BUDGET_INVALID',
    message: `A budget of ${budget.text} of ${rows} rows keeps no sample at all.`,
    hint: 'Give a larger one.',
    exitCode: 2,
  });
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
