import { WinnowError } from '../../base/errors.ts';
import type { Dataset } from '../../dataset/dataset.ts';
import { commandIn } from '../../signals/engine/column-providers.ts';
import { runScore } from '../../signals/engine/score.ts';
import { planScore } from '../../signals/engine/score-plan.ts';
import type { Project } from '../../store/project.ts';
import { storedSignals } from '../../store/signals.ts';

/** Columns of the text embedding: what its `text` option says. */
const TEXTS: readonly string[] = ['instruction', 'response', 'both'];

/**
 * Whether a column is a text embedding that is missing (or that appended rows have made incomplete) and takes no model:
 * the lexical encoder makes it, unless the project names another one.
 */
export async function isFreeEmbedding(project: Project, dataset: Dataset, column: string): Promise<boolean> {
  if (!TEXTS.includes(column)) return false;
  const stored = (await storedSignals(project, dataset)).find((signal) =>
    signal.entry.columns.some((one) => one.name === column),
  );
  if (stored?.shards.every((shard) => shard.done)) return false;
  return (stored?.entry.about.model ?? project.config().defaults.encoder ?? 'lexical') === 'lexical';
}

/**
 * Measure a text embedding that a selection needs, where that is free ({@link isFreeEmbedding}). What needs a model is
 * left to `winnow score`, whose cost is said beforehand.
 *
 * @returns a note for the selection; undefined when nothing was done
 */
export async function embedWhereFree(
  project: Project,
  dataset: Dataset,
  column: string,
  how: { signal?: AbortSignal; progress?: (done: number, total: number, what: string) => void },
): Promise<string | undefined> {
  if (!(await isFreeEmbedding(project, dataset, column))) return undefined;
  const { signal, progress } = how;
  const plan = await planScore(project, {
    signal: 'text-embedding',
    params: { encoder: 'lexical', text: column },
    dataset: dataset.name,
    abort: signal,
    progress: progress === undefined ? undefined : (what, done, total) => progress(done, total, what),
  });
  await runScore(plan);
  return `The ${column}s were embedded by the lexical encoder (words, not meanings); "winnow score text-embedding --encoder MODEL" takes another.`;
}

/** Why a column is missing, with the command that measures it. */
export async function columnMissing(project: Project, name: string, cause: WinnowError): Promise<WinnowError> {
  const command = await commandIn(project, name);
  return new WinnowError({
    code: 'COLUMN_MISSING',
    message: `The selection needs "${name}", which has not been scored.`,
    hint: command === undefined ? (cause.hint ?? 'winnow score --help lists what can be measured.') : `Run: ${command}`,
    cause,
  });
}
