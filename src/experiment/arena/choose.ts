import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../base/files/atomic.ts';
import type { RowTokens } from '../../cost/row-tokens.ts';
import type { Dataset } from '../../dataset/dataset.ts';
import type { Column } from '../../numeric/columns.ts';
import type { Composition } from '../../select/compose/compose.ts';
import type { CostRequest, SelectRequest } from '../../select/compose/request.ts';
import { listsOf } from '../../select/compose/row-lists.ts';
import type { StageAmount } from '../../select/compose/stage-amount.ts';
import { importNotes } from '../../select/inputs/column-origin.ts';
import { executeSelection, planSelection } from '../../select/plan.ts';
import type { Project } from '../../store/project.ts';
import { ARENA_PREFIX } from '../../store/verbs/gc.ts';
import type { Contestant } from './contestant.ts';

const Stage = z.object({ method: z.string(), arrived: z.int(), asked: z.int(), kept: z.int() });
const Source = z.object({ source: z.string(), least: z.int(), most: z.int().nullable(), kept: z.int() });

const Choice = z.object({
  /** Distinct rows, in the order of the method. */
  kept: z.array(z.int().nonnegative()),
  /** What the method returned, repeated rows counted each time. */
  returned: z.int().nonnegative(),
  requested: z.int().nonnegative(),
  shortfall: z.object({ missing: z.int(), because: z.string() }).optional(),
  notes: z.array(z.string()),
  /** What each method of a pipeline did; one line for a method alone. */
  stages: z.array(Stage),
  /** What was demanded of sources with a rule, and what they gave. */
  sources: z.array(Source),
  /** Reading columns and choosing, wall time. */
  seconds: z.number(),
  /** Bytes of the columns that were in memory at once. */
  bytes: z.number(),
});
/** What a contestant chose, and what choosing took. */
export type Choice = z.infer<typeof Choice>;

export interface ChooseContext {
  project: Project;
  dataset: Dataset;
  budget: StageAmount;
  /** What tokens and GPU-hours are estimated from, as it was given. */
  cost: CostRequest;
  /** Tokens of the rows, where the budget is by cost. */
  tokens?: RowTokens | undefined;
  seed: number;
  blind?: string | undefined;
  /** Data set that stands for the target. */
  reference?: Dataset | undefined;
  /** Rows that nobody can choose. */
  excluded: ReadonlyMap<number, string>;
  signal?: AbortSignal;
  progress?: (done: number, total: number, what: string) => void;
}

/**
 * Names what all methods share (pools, pipelines, budgets, k-means): raise it when that changes choices. A method's own
 * changes raise its `version`.
 */
const FORMAT = 3;

/**
 * What a contestant chooses. A choice is kept under a name derived from all that it depends on (methods with their
 * versions, options, seed, budget, rules, shards of the columns), so that the same question is answered from there.
 *
 * @param shards files of each column, for the name
 */
export async function choose(
  contestant: Contestant,
  shards: readonly string[],
  context: ChooseContext,
): Promise<{ choice: Choice; reused: boolean }> {
  const { project, dataset } = context;
  const key = await keyOf(contestant, shards, context);
  const file = join(project.paths.root, 'arena', `${dataset.hash.slice(0, ARENA_PREFIX)}-${key}.json`);
  const saved = await readChoice(file, dataset.rows);
  if (saved !== undefined) return { choice: saved, reused: true };
  const choice = await run(contestant, context);
  await writeFileAtomic(file, `${JSON.stringify(choice)}\n`);
  return { choice, reused: false };
}

async function run(contestant: Contestant, context: ChooseContext): Promise<Choice> {
  const { project, seed, tokens, signal, progress } = context;
  const began = performance.now();
  const how = { signal, progress };
  const planned = await planSelection(project, { ...requestOf(contestant, context), ...how }, { tokens });
  const { selection, stages, sources } = await executeSelection(planned, { seed, ...how });
  const { kept, requested, shortfall, notes } = selection;
  return {
    kept: [...new Set(kept)],
    returned: kept.length,
    requested,
    shortfall,
    notes: [...importNotes(planned.inputs.from), ...notes],
    stages: stages.map(({ method, arrived, asked, kept: left }) => ({ method, arrived, asked, kept: left })),
    sources: sources.map(({ source, least, most, kept: given }) => ({ source, least, most, kept: given })),
    seconds: (performance.now() - began) / 1000,
    bytes: bytesOf(planned.plan),
  };
}

/** A contestant as `winnow select` is asked for it. */
function requestOf(
  { stages, rules }: Contestant,
  { dataset, budget, cost, seed, blind, reference }: ChooseContext,
): SelectRequest {
  const asked = stages.map(({ selector, given, pass, budget: own }) => ({
    method: selector.name,
    options: given,
    pass,
    budget: own,
    reference: selector.referenceNeeds === undefined ? undefined : reference?.name,
  }));
  const common = { ...cost, ...rules, seed, blind, dataset: dataset.name, before: asked.slice(0, -1) };
  return { ...common, ...asked.at(-1)!, budget: budget.text };
}

/** Columns of all stages, each counted once. */
function bytesOf({ stages }: Composition): number {
  const inputs = stages.flatMap(({ input }) => [input, ...(input.reference === undefined ? [] : [input.reference])]);
  const columns = new Set(inputs.flatMap((input) => Object.values(input.columns)));
  return [...columns].reduce((sum, column) => sum + bytesOfColumn(column), 0);
}

function bytesOfColumn({ data }: Column): number {
  return ArrayBuffer.isView(data) ? data.byteLength : data.reduce((sum, text) => sum + (text?.length ?? 0), 0);
}

async function keyOf(
  { stages, rules }: Contestant,
  shards: readonly string[],
  context: ChooseContext,
): Promise<string> {
  const { project, dataset, budget, seed, blind, reference, excluded, tokens } = context;
  const methods = stages.map(({ selector, options, pass, budget: own }) => {
    return [selector.name, selector.version, Object.entries(options).sort(), pass ?? null, own ?? null];
  });
  // A list may be a file or an earlier selection: its rows are what counts.
  const { always, never } = await listsOf(project, dataset, rules);
  const asked = [seed, budget.amount(dataset.rows, 0), rules, [...always], [...never]];
  const counted = tokens === undefined ? null : createHash('sha256').update(tokens.tokens).digest('hex');
  const inputs = [dataset.hash, [...excluded.keys()], blind ?? null, reference?.hash ?? null, shards, counted];
  return createHash('sha256')
    .update(JSON.stringify([FORMAT, methods, asked, inputs]))
    .digest('hex')
    .slice(0, 32);
}

/** A damaged or foreign file is as good as none. */
async function readChoice(file: string, rows: number): Promise<Choice | undefined> {
  try {
    const parsed = Choice.safeParse(JSON.parse(await readFile(file, 'utf8')));
    return parsed.success && parsed.data.kept.every((row) => row < rows) ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
