import { CostOptions, describeCost, hoursOfTokens } from '../../cost/gpu-hours.ts';
import type { ImageRule } from '../../cost/image-tokens.ts';
import type { RowTokens } from '../../cost/row-tokens.ts';
import type { CostBudget } from './budget.ts';
import type { Composed, StageCount } from './compose.ts';
import type { SelectRequest, StageRequest } from './request.ts';
import type { StageAmount } from './stage-amount.ts';

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
    /** What images were counted by, where tokens were estimated: the scored model may be another one later. */
    imageTokens?: ImageRule;
    assumptions: string;
  };
  /** Options as they were given, but for those of stages. */
  asked: Record<string, unknown>;
}

/** Options of a request that its record repeats, so that the command can be given again. */
const ASKED = ['from', 'quota', 'floor', 'max', 'alwaysKeep', 'neverKeep', ...Object.keys(CostOptions.shape)];

function givenOf(request: object, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(request).filter(([name, value]) => names.includes(name) && value !== undefined),
  );
}

/** What a record is made from beside the result. */
export interface RecordParts {
  request: SelectRequest;
  /** All stages, the last one too. */
  stages: readonly StageRequest[];
  from: { name: string; rows: Int32Array } | undefined;
  lists: { always: Int32Array; never: Int32Array };
  cost: StageAmount['cost'] | undefined;
  tokens: RowTokens | undefined;
  options: CostOptions;
}

/** The record of a selection; undefined for one method with a plain budget, of which everything is said elsewhere. */
export function recordOf(
  { request, stages, from, lists, cost, tokens, options }: RecordParts,
  composed: Composed,
): CompositionRecord | undefined {
  const asked = givenOf(request, ASKED);
  const isPlain = stages.length === 1 && Object.keys(givenOf(request, ['pass', 'reference', ...ASKED])).length === 0;
  if (isPlain && cost === undefined) return undefined;
  const list = (given: SelectRequest['alwaysKeep'], rows: Int32Array) => ({
    given: [given ?? []].flat(),
    rows: rows.length,
  });
  return {
    stages: composed.stages.map((stage, s) => ({ ...stage, ...givenOf(stages[s]!, ['budget', 'pass', 'reference']) })),
    from: from === undefined ? undefined : { selection: from.name, rows: from.rows.length },
    alwaysKeep: request.alwaysKeep === undefined ? undefined : list(request.alwaysKeep, lists.always),
    neverKeep: request.neverKeep === undefined ? undefined : list(request.neverKeep, lists.never),
    sources: composed.sources.length === 0 ? undefined : composed.sources,
    cost: cost === undefined || tokens === undefined ? undefined : costOf(cost, composed, tokens, options),
    asked,
  };
}

function costOf(
  { unit, tokens: limit }: NonNullable<StageAmount['cost']>,
  { selection }: Composed,
  { tokens, about, imageTokens }: RowTokens,
  options: CostOptions,
): NonNullable<CompositionRecord['cost']> {
  const spent = selection.kept.reduce((sum, row) => sum + tokens[row]!, 0);
  const gpuHours = hoursOfTokens(spent, options);
  return {
    unit,
    limit,
    spent,
    gpuHours,
    tokens: about,
    imageTokens,
    assumptions: describeCost(options),
  };
}
