import { readFileSync, statSync } from 'node:fs';
import { WinnowError } from '../../base/errors.ts';
import type { Dataset } from '../../dataset/dataset.ts';
import type { Project } from '../../store/project.ts';
import { listSelections, readSelectionHead } from '../../store/selections.ts';

/** Ids that an error names at most. */
const NAMED = 5;

/**
 * Rows of the ids that each of `given` stands for: a file (one id a line, JSON or JSON lines, of ids or of objects with
 * an `id`), the name of an earlier selection, or ids themselves, separated by commas.
 *
 * @returns rows, ascending, each once
 * @throws WinnowError `ID_UNKNOWN` naming the ids, `LIST_INVALID`
 */
export async function rowsListed(
  project: Project,
  dataset: Dataset,
  option: string,
  given: readonly string[],
): Promise<Int32Array> {
  const rows = new Set<number>();
  for (const one of given) {
    const { ids, what } = await idsOf(project, dataset, option, one);
    const found = ids.map((id) => dataset.rowOf(id));
    const unknown = ids.filter((_, i) => found[i]! < 0);
    if (unknown.length > 0) throw unknownIds(option, unknown, what, dataset);
    for (const row of found) rows.add(row);
  }
  return Int32Array.from(rows).sort();
}

async function idsOf(
  project: Project,
  dataset: Dataset,
  option: string,
  given: string,
): Promise<{ ids: readonly string[]; what: string }> {
  if (statSync(given, { throwIfNoEntry: false })?.isFile()) {
    return { ids: parseIds(readFileSync(given, 'utf8'), option, given), what: given };
  }
  if ((await listSelections(project)).includes(given)) {
    return { ids: (await readSelectionHead(project, given)).ids, what: `the selection ${given}` };
  }
  // An id may hold a comma itself.
  const ids = dataset.rowOf(given) >= 0 ? [given] : given.split(',').map((id) => id.trim());
  return { ids: ids.filter((id) => id !== ''), what: 'the command line, where no file or selection has this name' };
}

/** Ids in the text of a file. @throws WinnowError `LIST_INVALID` */
export function parseIds(text: string, option: string, file: string): string[] {
  const body = text.replace(/^\uFEFF/, '').trim();
  if (/^[[{"]/.test(body)) {
    const whole = tryJson(body);
    const lines = whole === undefined ? body.split(/\r?\n/).filter((line) => line.trim() !== '') : undefined;
    const values =
      lines?.map((line, i) => tryJson(line) ?? invalid(option, file, `line ${i + 1} is no JSON`)) ?? listIn(whole);
    return values.map((value, i) => idIn(value) ?? invalid(option, file, `entry ${i + 1} is no id and has no "id"`));
  }
  return body.split(/\r?\n/).flatMap((line) => (line.trim() === '' ? [] : [line.trim()]));
}

/** A list, or an object with one under `ids` (as a saved selection has it); a single value is a list of one. */
function listIn(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  const ids = (value as { ids?: unknown } | null)?.ids;
  return Array.isArray(ids) ? ids : [value];
}

function idIn(value: unknown): string | undefined {
  const id = typeof value === 'object' && value !== null ? (value as { id?: unknown }).id : value;
  return typeof id === 'string' || typeof id === 'number' ? String(id) : undefined;
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function invalid(option: string, file: string, what: string): never {
  throw new WinnowError({
    code: 'LIST_INVALID',
    message: `${option}: ${what}.`,
    where: { file },
    hint: 'Write one id a line, a JSON list of ids, or JSON lines with an "id" each.',
    exitCode: 2,
  });
}

function unknownIds(option: string, ids: readonly string[], what: string, dataset: Dataset): WinnowError {
  const more = ids.length > NAMED ? `, and ${ids.length - NAMED} more` : '';
  return new WinnowError({
    code: 'ID_UNKNOWN',
    message: `${option}: "${dataset.name}" has no sample ${ids
      .slice(0, NAMED)
      .map((id) => `"${id}"`)
      .join(', ')}${more} (from ${what}).`,
    hint: `Ids look like "${dataset.ids[0] ?? ''}".`,
    exitCode: 2,
  });
}
