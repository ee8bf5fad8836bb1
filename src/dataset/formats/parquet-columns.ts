import type { JsonObject } from './build.ts';

/** Columns that every Parquet data set of Winnow's has; `videos` only where a row shows one. */
const OWN_COLUMNS = ['id', 'messages', 'images', 'videos'];

/** A further column: the plain type that all of its values have. */
export interface PlainColumn {
  name: string;
  type: 'string' | 'int64' | 'float64' | 'bool';
}

export interface ColumnPlan {
  /** Some turn calls a function: turns have a mark for it. */
  hasCalls: boolean;
  hasVideos: boolean;
  plain: PlainColumn[];
  /** Some values fit in no plain column: they go as JSON into the column `meta`. */
  hasMeta: boolean;
}

const SQL = { string: 'VARCHAR', int64: 'BIGINT', float64: 'DOUBLE', bool: 'BOOLEAN' } as const;

/** Looks at records one by one, then says which columns hold them all. */
export function watchColumns(): { see(record: JsonObject): void; plan(): ColumnPlan } {
  const types = new Map<string, PlainColumn['type'] | 'mixed'>();
  let hasVideos = false;
  let hasCalls = false;
  return {
    see(record) {
      hasCalls ||= Array.isArray(record.messages) && record.messages.some((turn: JsonObject) => turn.call === true);
      hasVideos ||= Array.isArray(record.videos) && record.videos.length > 0;
      for (const [name, value] of Object.entries(record)) {
        if (OWN_COLUMNS.includes(name)) continue;
        const type = typeOf(value);
        const before = types.get(name) ?? type;
        types.set(name, before === type ? type : isNumeric(before) && isNumeric(type) ? 'float64' : 'mixed');
      }
    },
    plan() {
      // DuckDB doesn't tell the case of columns apart; what would be one column for it is kept as JSON.
      const taken = new Set([...OWN_COLUMNS, 'meta']);
      const plain: PlainColumn[] = [];
      for (const [name, type] of types) {
        if (type === 'mixed' || name === '' || taken.has(name.toLowerCase())) continue;
        taken.add(name.toLowerCase());
        plain.push({ name, type });
      }
      return { hasVideos, hasCalls, plain, hasMeta: plain.length < types.size };
    },
  };
}

function typeOf(value: unknown): PlainColumn['type'] | 'mixed' {
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'int64' : 'float64';
  return 'mixed';
}

function isNumeric(type: PlainColumn['type'] | 'mixed'): boolean {
  return type === 'int64' || type === 'float64';
}

/** What of a record goes as JSON into the column `meta`; undefined: nothing. */
export function overflowOf(record: JsonObject, plan: ColumnPlan): string | undefined {
  const held = new Set([...OWN_COLUMNS, ...plan.plain.map(({ name }) => name)]);
  const rest = Object.entries(record).filter(([name]) => !held.has(name));
  return rest.length === 0 ? undefined : JSON.stringify(Object.fromEntries(rest));
}

/**
 * Columns with their DuckDB types, in the order of the file. Messages are JSON text until they are copied to the file.
 */
export function sqlColumns(plan: ColumnPlan): { name: string; type: string }[] {
  return [
    { name: 'id', type: 'VARCHAR' },
    { name: 'messages', type: 'VARCHAR' },
    { name: 'images', type: 'STRUCT(bytes BLOB, path VARCHAR)[]' },
    ...(plan.hasVideos ? [{ name: 'videos', type: 'VARCHAR[]' }] : []),
    ...plan.plain.map(({ name, type }) => ({ name, type: SQL[type] })),
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
    id: value('string'),
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
