import { exactJson, isNumber } from '../exact-number.ts';
import type { JsonObject } from './build.ts';
import { COLUMN_TYPES, type ColumnType, type ColumnTypes, isRespelled, watchType } from './column-types.ts';

/** Columns that every Parquet data set of Winnow's has; `videos` only where a row shows one. */
const OWN_COLUMNS = ['id', 'messages', 'images', 'videos'];

/** A further column: the plain type that all of its values have. */
export interface PlainColumn {
  name: string;
  type: ColumnType;
}

export interface ColumnPlan {
  /** Some turn calls a function: turns have a mark for it. */
  hasCalls: boolean;
  hasVideos: boolean;
  /** Ids are numbers in all rows; else they are text. */
  id: ColumnType;
  plain: PlainColumn[];
  /**
   * Some values fit in no plain column, or come back from it spelled otherwise: they go as JSON into the column `meta`.
   */
  hasMeta: boolean;
}

/**
 * Looks at records one by one, then says which columns hold them all.
 *
 * @param known types that number columns had where the records come from
 */
export function watchColumns(known?: ColumnTypes): { see(record: JsonObject): void; plan(): ColumnPlan } {
  const columns = new Map<string, ReturnType<typeof watchType>>();
  let hasVideos = false;
  let hasCalls = false;
  const ids = watchType(known?.get('id'));
  let hasNumericIds = false;
  return {
    see(record) {
      hasCalls ||= Array.isArray(record.messages) && record.messages.some((turn: JsonObject) => turn.call === true);
      hasVideos ||= Array.isArray(record.videos) && record.videos.length > 0;
      hasNumericIds ||= isNumber(record.id);
      ids.see(record.id);
      for (const [name, value] of Object.entries(record)) {
        if (OWN_COLUMNS.includes(name)) continue;
        const column = columns.get(name) ?? watchType(known?.get(name));
        columns.set(name, column);
        column.see(value);
      }
    },
    plan() {
      // DuckDB doesn't tell the case of columns apart; what would be one column for it is kept as JSON.
      const taken = new Set([...OWN_COLUMNS, 'meta']);
      const plain: PlainColumn[] = [];
      let isRespelled = false;
      for (const [name, column] of columns) {
        const type = column.type();
        if (type === undefined || name === '' || taken.has(name.toLowerCase())) continue;
        taken.add(name.toLowerCase());
        plain.push({ name, type });
        isRespelled ||= column.isRespelled(type);
      }
      const idType = ids.type();
      const id = idType?.includes('int') && !ids.isRespelled(idType) ? idType : 'string';
      const hasMeta = plain.length < columns.size || isRespelled || (hasNumericIds && id === 'string');
      return { hasVideos, hasCalls, id, plain, hasMeta };
    },
  };
}

/** What of a record goes as JSON into the column `meta`; undefined: nothing. */
export function overflowOf(record: JsonObject, plan: ColumnPlan): string | undefined {
  const types = new Map(plan.plain.map(({ name, type }) => [name, type]));
  const rest = Object.entries(record).filter(([name, value]) => {
    if (OWN_COLUMNS.includes(name)) return name === 'id' && isNumber(value) && plan.id === 'string';
    const type = types.get(name);
    return type === undefined || isRespelled(value, type);
  });
  return rest.length === 0 ? undefined : exactJson(Object.fromEntries(rest), 'literal');
}

/**
 * Columns with their DuckDB types, in the order of the file. Messages are JSON text until they are copied to the file.
 */
export function sqlColumns(plan: ColumnPlan): { name: string; type: string }[] {
  return [
    { name: 'id', type: COLUMN_TYPES[plan.id] },
    { name: 'messages', type: 'VARCHAR' },
    { name: 'images', type: 'STRUCT(bytes BLOB, path VARCHAR)[]' },
    ...(plan.hasVideos ? [{ name: 'videos', type: 'VARCHAR[]' }] : []),
    ...plan.plain.map(({ name, type }) => ({ name, type: COLUMN_TYPES[type] })),
    ...(plan.hasMeta ? [{ name: 'meta', type: 'VARCHAR' }] : []),
  ];
}

/** The structure that turns the JSON text of `messages` into Arrow's list of structs. */
export function messagesStructure({ hasCalls }: ColumnPlan): string {
  const content = [{ type: 'VARCHAR', text: 'VARCHAR' }];
  return JSON.stringify([{ role: 'VARCHAR', content, ...(hasCalls ? { call: 'BOOLEAN' } : {}) }]);
}

/**
 * The value of the file's metadata key `huggingface`, by which `datasets` knows that a struct is an image.
 * `spelling: 'list'` is that of datasets >= 4; `'sequence'` is read by older and newer ones alike (a list of structs is
 * a JSON array there, since `Sequence` of a struct meant a struct of lists).
 */
export function huggingFaceMetadata(plan: ColumnPlan, spelling: 'list' | 'sequence'): string {
  const value = (dtype: string): JsonObject => ({ dtype, _type: 'Value' });
  const list = (feature: JsonObject): JsonObject => ({ feature, _type: spelling === 'list' ? 'List' : 'Sequence' });
  const structs = (feature: JsonObject): unknown => (spelling === 'list' ? list(feature) : [feature]);
  const features = {
    id: value(plan.id),
    messages: structs({
      role: value('string'),
      content: structs({ type: value('string'), text: value('string') }),
      ...(plan.hasCalls ? { call: value('bool') } : {}),
    }),
    images: list({ _type: 'Image' }),
    ...(plan.hasVideos ? { videos: list(value('string')) } : {}),
    ...Object.fromEntries(plan.plain.map(({ name, type }) => [name, value(type)])),
    ...(plan.hasMeta ? { meta: value('string') } : {}),
  };
  return JSON.stringify({ info: { features } });
}
