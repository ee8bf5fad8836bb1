import { WinnowError } from '../../base/errors.ts';
import type { Dataset } from '../../dataset/dataset.ts';
import type { Project } from '../../store/project.ts';
import { loadSelection } from '../../store/selections.ts';
import type { SelectorInput } from '../selector.ts';
import { rowsListed } from './id-list.ts';
import type { SelectRequest } from './request.ts';
import type { StageAmount } from './stage-amount.ts';

/**
 * Rows that an earlier selection kept. @throws WinnowError `SELECTION_UNKNOWN`, `DATASET_CHANGED`,
 * `SELECTION_OTHER_DATASET`
 */
export async function earlierRows(
  project: Project,
  dataset: Dataset,
  name: string,
): Promise<{ name: string; rows: Int32Array }> {
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

/** Rows always and never kept. @throws WinnowError `ID_UNKNOWN`, `LISTS_CLASH` */
export async function listsOf(
  project: Project,
  dataset: Dataset,
  { alwaysKeep, neverKeep }: Pick<SelectRequest, 'alwaysKeep' | 'neverKeep'>,
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
  return { always, never };
}

/** @throws WinnowError `ALWAYS_UNUSABLE` */
export function checkUsable(dataset: Dataset, always: Int32Array, { excluded }: SelectorInput): void {
  const broken = always.find((row) => excluded?.has(row) === true);
  if (broken === undefined) return;
  throw new WinnowError({
    code: 'ALWAYS_UNUSABLE',
    message: `"${dataset.ids[broken]}" is to be kept always, but it can't be used: ${excluded!.get(broken)}.`,
    hint: 'Fix the row, or take it off the list.',
    exitCode: 2,
  });
}

/** Why rows can't be chosen by any method. A row that is always kept need not be in the pool. */
export function outsideOf(
  dataset: Dataset,
  { excluded }: SelectorInput,
  { always, never }: { always: Int32Array; never: Int32Array },
  from: Int32Array | undefined,
): Map<number, 'excluded' | 'never-keep' | 'not-in-pool'> {
  const outside = new Map<number, 'excluded' | 'never-keep' | 'not-in-pool'>();
  if (from !== undefined) {
    const isIn = new Set(from);
    for (let row = 0; row < dataset.rows; row++) if (!isIn.has(row)) outside.set(row, 'not-in-pool');
  }
  for (const row of never) outside.set(row, 'never-keep');
  for (const row of excluded?.keys() ?? []) outside.set(row, 'excluded');
  for (const row of always) outside.delete(row);
  return outside;
}

/** @throws WinnowError `ALWAYS_TOO_MANY` */
export function checkAlways(always: Int32Array, { amount, text }: StageAmount, tokens: Float64Array | undefined): void {
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
