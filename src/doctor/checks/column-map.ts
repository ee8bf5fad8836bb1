import { isObject, type JsonObject } from '../../dataset/formats/build.ts';
import type { CheckGroup } from './check.ts';
import { type RowCheck, rowGroup } from './row-check.ts';

/** LLaMA-Factory's names where the registry says nothing at all. Columns of media have none. */
const COLUMNS: Readonly<Record<string, string | undefined>> = { messages: 'conversations' };
const TAGS: Readonly<Record<string, string>> = {
  role_tag: 'from',
  content_tag: 'value',
  user_tag: 'human',
  assistant_tag: 'gpt',
  observation_tag: 'observation',
  function_tag: 'function_call',
  system_tag: 'system',
};
/** Columns that lose their content where the map leaves them out. */
const OPTIONAL = ['system', 'tools', 'images', 'videos', 'audios'];
const ROLE_TAGS = Object.keys(TAGS).slice(2);

const FILLED = (value: unknown): boolean =>
  value !== undefined && value !== null && value !== '' && !(Array.isArray(value) && value.length === 0);

/**
 * What a row loses by the registry's map. Once `columns` (or `tags`) is there, LLaMA-Factory takes every key that it
 * leaves out for nothing; without it the names above hold, which know no images.
 * Source: hiyouga/LLaMA-Factory `data/parser.py`, `DatasetAttr.join`.
 */
function unmapped(record: JsonObject, options: Readonly<JsonObject>): string[] {
  const columns = isObject(options.columns) ? options.columns : COLUMNS;
  const tags = isObject(options.tags) ? options.tags : TAGS;
  const missing = OPTIONAL.filter((name) => FILLED(record[name]) && columns[name] === undefined).map(
    (name) => `columns.${name}`,
  );
  const turns = record[String(columns.messages)];
  if (!Array.isArray(turns)) return ['columns.messages', ...missing];
  const objects = turns.filter(isObject);
  for (const key of ['role_tag', 'content_tag'])
    if (objects.some((turn) => turn[String(tags[key])] === undefined)) missing.push(`tags.${key}`);
  const known = new Set(ROLE_TAGS.map((key) => tags[key]));
  const said = objects.map((turn) => turn[String(tags.role_tag)]).filter((role) => role !== undefined);
  const strange = [...new Set(said.filter((role) => !known.has(role)))];
  return [...missing, ...strange.map((role) => `the tag of role ${JSON.stringify(role)}`)];
}

const mapped: RowCheck = {
  code: 'D008',
  severity: 'warn',
  title: "dataset_info.json doesn't name all columns and roles",
  why: 'LLaMA-Factory takes every column that the map leaves out for empty: images vanish, turns are not found.',
  advice: 'Write the complete map.',
  fix: 'write a complete dataset_info.json',
  check({ parsed, sample }, { dataset, target }) {
    const registered = dataset.detected.includes('dataset_info.json');
    if (dataset.format !== 'sharegpt' || sample === null || (!registered && target?.registry !== true))
      return undefined;
    if (!parsed.ok || !isObject(parsed.value)) return undefined;
    const missing = unmapped(parsed.value, dataset.options);
    if (missing.length === 0) return undefined;
    return `${registered ? 'dataset_info.json leaves out' : 'there is no entry in a dataset_info.json, and without one LLaMA-Factory misses'} ${missing.join(', ')}`;
  },
  // The writer of the format puts the whole map beside the file; the row itself stays.
  applyFix: (sample, { dataset }) => ({ sample, was: dataset.options, is: 'the complete map in dataset_info.json' }),
};

/** The map by which LLaMA-Factory finds turns and media. */
export const columnMap: CheckGroup = rowGroup({ name: 'structure', order: 30 }, [mapped]);
