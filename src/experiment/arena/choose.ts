import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../dataset/atomic.ts';
import type { Dataset } from '../../dataset/dataset.ts';
import type { Column } from '../../numeric/columns.ts';
import type { Budget } from '../../select/budget.ts';
import { readInputs } from '../../select/inputs.ts';
import { refuseOtherOrigin } from '../../select/one-source.ts';
import { columnsOf, type SelectorInput, streamedByAll } from '../../select/selector.ts';
import { ARENA_PREFIX } from '../../store/gc.ts';
import type { Project } from '../../store/project.ts';
import type { Entry } from './methods.ts';

const Choice = z.object({
  /** Distinct rows, in the order of the method. */
  kept: z.array(z.int().nonnegative()),
  /** What the method returned, repeated rows counted each time. */
  returned: z.int().nonnegative(),
  requested: z.int().nonnegative(),
  shortfall: z.object({ missing: z.int(), because: z.string() }).optional(),
  notes: z.array(z.string()),
  /** Reading columns and choosing, wall time. */
  seconds: z.number(),
  /** Bytes of the columns that were in memory at once. */
  bytes: z.number(),
});
/** What a method chose, and what choosing took. */
export type Choice = z.infer<typeof Choice>;

export interface ChooseContext {
  project: Project;
  dataset: Dataset;
  budget: Budget;
  seed: number;
  blind?: string | undefined;
  /** Data set that stands for the target. */
  reference?: Dataset | undefined;
  /** Rows that nobody can choose. */
  excluded: ReadonlyMap<number, string>;
  signal?: AbortSignal;
  progress?: (done: number, total: number, what: string) => void;
}

/** Names the rules: raise it when a selector's choice changes. */
const FORMAT = 1;

/**
 * What a method chooses. A choice is kept under a name derived from all that it depends on (method, options, seed, budget, shards of its columns), so that
 * the same question is answered from there.
 *
 * @param shards files of each column, for the name
 */
export async function choose(
  entry: Entry,
  shards: readonly string[],
  context: ChooseContext,
): Promise<{ choice: Choice; reused: boolean }> {
  const { project, dataset } = context;
  const file = join(
    project.paths.root,
    'arena',
    `${dataset.hash.slice(0, ARENA_PREFIX)}-${keyOf(entry, shards, context)}.json`,
  );
  const saved = await readChoice(file, dataset.rows);
  if (saved !== undefined) return { choice: saved, reused: true };
  const choice = await run(entry, context);
  await writeFileAtomic(file, `${JSON.stringify(choice)}\n`);
  return { choice, reused: false };
}

async function run({ selector, options }: Entry, context: ChooseContext): Promise<Choice> {
  const { project, dataset, budget, seed, blind, reference, signal, progress } = context;
  const began = performance.now();
  const { input, from } = await readInputs(project, dataset, selector.needs(options), {
    blind,
    streams: streamedByAll([columnsOf(selector, options)]),
  });
  if (reference !== undefined && selector.referenceNeeds !== undefined) {
    const target = await readInputs(project, reference, selector.referenceNeeds(options), { blind });
    refuseOtherOrigin(from, target.from);
    input.reference = target.input;
  }
  const selection = await selector.select(input, options, {
    budget: budget.count,
    seed,
    ...(budget.fraction === undefined ? {} : { fraction: budget.fraction }),
    ...(signal === undefined ? {} : { signal }),
    ...(progress === undefined ? {} : { progress }),
  });
  return {
    kept: [...new Set(selection.kept)],
    returned: selection.kept.length,
    requested: selection.requested,
    ...(selection.shortfall === undefined ? {} : { shortfall: selection.shortfall }),
    notes: selection.notes,
    seconds: (performance.now() - began) / 1000,
    bytes: bytesOf(input) + (input.reference === undefined ? 0 : bytesOf(input.reference)),
  };
}

function bytesOf({ columns }: SelectorInput): number {
  return Object.values(columns).reduce((sum, column) => sum + bytesOfColumn(column), 0);
}

function bytesOfColumn({ data }: Column): number {
  return ArrayBuffer.isView(data) ? data.byteLength : data.reduce((sum, text) => sum + (text?.length ?? 0), 0);
}

function keyOf({ selector, options }: Entry, shards: readonly string[], context: ChooseContext): string {
  const { dataset, budget, seed, blind, reference, excluded } = context;
  const method = [FORMAT, selector.name, Object.entries(options).sort(), seed, budget.count, budget.fraction ?? null];
  const inputs = [dataset.hash, [...excluded.keys()], blind ?? null, reference?.hash ?? null, shards];
  return createHash('sha256')
    .update(JSON.stringify([method, inputs]))
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
