import type { Dataset } from '../dataset/dataset.ts';
import { WinnowError } from '../dataset/errors.ts';
import { runScore } from '../signals/score.ts';
import { planScore } from '../signals/score-plan.ts';
import type { Project } from '../store/project.ts';
import { storedSignals } from '../store/signals.ts';

/** Columns of the text embedding: what its `text` option says. */
const TEXTS: readonly string[] = ['instruction', 'response', 'both'];

/**
 * Measure a text embedding that a selection needs and nobody has measured (or that appended rows have made incomplete), where that takes no
 * model: by the lexical encoder, unless the project names another one. What needs a model is left to `winnow score`, whose cost is said beforehand.
 *
 * @returns a note for the selection; undefined when nothing was done
 */
export async function embedWhereFree(
  project: Project,
  dataset: Dataset,
  column: string,
  how: { signal?: AbortSignal; progress?: (done: number, total: number, what: string) => void },
): Promise<string | undefined> {
  if (!TEXTS.includes(column)) return undefined;
  const stored = (await storedSignals(project, dataset)).find((signal) =>
    signal.entry.columns.some((one) => one.name === column),
  );
  if (stored?.shards.every((shard) => shard.done)) return undefined;
  const encoder = stored?.entry.about.model ?? project.config().defaults.encoder ?? 'lexical';
  if (encoder !== 'lexical') return undefined;
  const { signal, progress } = how;
  const plan = await planScore(project, {
    signal: 'text-embedding',
    params: { encoder: 'lexical', text: column },
    dataset: dataset.name,
    ...(signal === undefined ? {} : { abort: signal }),
    ...(progress === undefined ? {} : { progress: (what, done, total) => progress(done, total, what) }),
  });
  await runScore(plan);
  return `The ${column}s were embedded by the lexical encoder (words, not meanings); "winnow score text-embedding --encoder MODEL" takes another.`;
}

/** Why a column is missing, with the command that measures it. */
export function columnMissing(name: string, cause: WinnowError): WinnowError {
  const command = /^(necessity|nll_)/.test(name)
    ? 'winnow score loss'
    : TEXTS.includes(name)
      ? `winnow score text-embedding --text ${name}`
      : name === 'image'
        ? 'winnow score image-embedding'
        : name === 'clip_score'
          ? 'winnow score clip-score'
          : /^image/.test(name)
            ? 'winnow score image-stats'
            : undefined;
  return new WinnowError({
    code: 'COLUMN_MISSING',
    message: `The selection needs "${name}", which has not been scored.`,
    hint: command === undefined ? (cause.hint ?? 'winnow score --help lists what can be measured.') : `Run: ${command}`,
    cause,
  });
}
