import { WinnowError } from '../../base/errors.ts';
import type { Dataset } from '../../dataset/dataset.ts';
import type { Column } from '../../numeric/columns.ts';
import type { Project } from '../../store/project.ts';
import { loadSelection, readSelectionHead } from '../../store/selections.ts';
import { findSelector, parseOptions } from '../methods/find.ts';
import type { Reason, SelectorInput } from '../selector.ts';
import type { ColumnOrigin } from './column-origin.ts';

/** A column that is a score of a method instead of something measured. */
interface ScoreColumn {
  column: Column;
  from: ColumnOrigin & { column: string };
}

/** How inputs are read; given, since reading a method's inputs comes back to it. */
type ReadInputs = (needs: readonly string[]) => Promise<{ input: SelectorInput }>;

const SCORE = /^(selection|method):(.+)$/;

/**
 * Columns that have to be measured for a name that may stand for a score: those that the method reads by default; none
 * for a selection's, which are in its file. Any other name is a column itself.
 */
export function columnsBehind(name: string): string[] {
  const [, kind, what = ''] = SCORE.exec(name) ?? [];
  if (kind === undefined) return [name];
  return kind === 'selection' ? [] : findSelector(what).needs(parseOptions(findSelector(what), {}));
}

/**
 * What a score depends on beside the columns behind it; undefined for the name of a column. @throws WinnowError
 * `SELECTION_UNKNOWN`, `METHOD_UNKNOWN`
 */
export async function scoreIdentity(project: Project, name: string): Promise<string | undefined> {
  const [, kind, what = ''] = SCORE.exec(name) ?? [];
  if (kind === undefined) return undefined;
  if (kind === 'method') return `${name}@${findSelector(what).version}`;
  return `${name}@${(await readSelectionHead(project, what)).reasons.sha256}`;
}

/**
 * The score of each row as an earlier selection gave it (`selection:NAME`), or as a method gives it with its defaults
 * (`method:NAME`): what `winnow explain` prints of a row. NaN where there is none. Undefined for any other name.
 *
 * @throws WinnowError `SELECTION_UNKNOWN`, `DATASET_CHANGED`, `METHOD_UNKNOWN`, `SCORE_MISSING` where a method gives no
 * scores
 */
export async function scoreColumn(
  project: Project,
  dataset: Dataset,
  name: string,
  read: ReadInputs,
): Promise<ScoreColumn | undefined> {
  const [, kind, what = ''] = SCORE.exec(name) ?? [];
  if (kind === undefined) return undefined;
  return kind === 'selection' ? ofSelection(project, dataset, name, what) : ofMethod(dataset, name, what, read);
}

async function ofSelection(project: Project, dataset: Dataset, name: string, selection: string): Promise<ScoreColumn> {
  const { reasons, method, options, dataset: made } = await loadSelection(project, selection);
  if (made.hash !== dataset.hash) {
    throw new WinnowError({
      code: 'DATASET_CHANGED',
      message: `The selection "${selection}" was made from other rows than "${dataset.name}" has now.`,
      hint: 'Make it again first.',
    });
  }
  // Of a pipeline the scores of its last method: those of others are of another kind.
  const last = reasons.reduce((most, { stage = 0 }) => Math.max(most, stage), 0);
  const own = reasons.filter(({ stage = 0 }) => stage === last);
  const { sha256 } = (await readSelectionHead(project, selection)).reasons;
  return origin(name, scoresOf(own, dataset.rows, name), { method, ...options }, sha256);
}

async function ofMethod(dataset: Dataset, name: string, method: string, read: ReadInputs): Promise<ScoreColumn> {
  const selector = findSelector(method);
  if (selector.referenceNeeds !== undefined) {
    throw new WinnowError({
      code: 'SCORE_MISSING',
      message: `${method} needs a second data set, which "${name}" can't name.`,
      hint: `Select by it with --reference first, and use selection:NAME.`,
      exitCode: 2,
    });
  }
  const options = parseOptions(selector, {});
  const { input } = await read(selector.needs(options));
  const { reasons } = await selector.select(input, options, { budget: dataset.rows, seed: 42 });
  return origin(name, scoresOf(reasons, dataset.rows, name), { method, ...options }, '');
}

/** @throws WinnowError `SCORE_MISSING` */
function scoresOf(reasons: readonly Pick<Reason, 'row' | 'score'>[], rows: number, name: string): Column {
  const data = new Float32Array(rows).fill(Number.NaN);
  for (const { row, score } of reasons) if (score !== undefined) data[row] = score;
  if (data.some(Number.isFinite)) return { kind: 'f32', width: 1, data };
  throw new WinnowError({
    code: 'SCORE_MISSING',
    message: `"${name}" gives its rows no scores.`,
    hint: 'Use a method that ranks rows by a number, or a column.',
    exitCode: 2,
  });
}

function origin(name: string, column: Column, params: Record<string, unknown>, revision: string): ScoreColumn {
  return { column, from: { signal: name, version: 1, revision, params, about: {}, column: name } };
}
