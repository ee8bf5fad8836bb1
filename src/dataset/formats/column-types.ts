import { ExactNumber, exactJson, isNumber } from '../exact-number.ts';

/** Plain types of a column, by the names that Hugging Face `datasets` has for them, and what DuckDB calls them. */
export const COLUMN_TYPES = {
  string: 'VARCHAR',
  bool: 'BOOLEAN',
  int8: 'TINYINT',
  int16: 'SMALLINT',
  int32: 'INTEGER',
  int64: 'BIGINT',
  uint8: 'UTINYINT',
  uint16: 'USMALLINT',
  uint32: 'UINTEGER',
  uint64: 'UBIGINT',
  float32: 'FLOAT',
  float64: 'DOUBLE',
} as const;
export type ColumnType = keyof typeof COLUMN_TYPES;

/** Number columns of a table, by name: what they are written as again where their values still fit. */
export type ColumnTypes = ReadonlyMap<string, ColumnType>;

/** The plain type that DuckDB calls so; undefined for a nested one and others. */
export function columnTypeNamed(sql: string): ColumnType | undefined {
  return (Object.keys(COLUMN_TYPES) as ColumnType[]).find((type) => COLUMN_TYPES[type] === sql);
}

const INTEGER = /^-?\d+$/;

/** Least and largest whole number of an integer type. */
function rangeOf(type: ColumnType): [bigint, bigint] | undefined {
  const [, unsigned, bits] = /^(u?)int(\d+)$/.exec(type) ?? [];
  if (bits === undefined) return undefined;
  const size = 1n << BigInt(bits);
  return unsigned === 'u' ? [0n, size - 1n] : [-size / 2n, size / 2n - 1n];
}

/** A double or single as a table's reader gives it: told from a whole number by its point. */
export function floatFrom(value: number): number | ExactNumber {
  if (!Number.isFinite(value)) return new ExactNumber(String(value));
  if (Object.is(value, -0)) return new ExactNumber('-0.0');
  const text = String(value);
  return INTEGER.test(text) ? new ExactNumber(`${text}.0`) : value;
}

/** How a number comes back from a column of that type. */
function spelledBack(literal: string, type: ColumnType): string {
  if (type === 'float64') return String(floatFrom(Number(literal)));
  if (type === 'float32') return String(floatFrom(Math.fround(Number(literal))));
  return INTEGER.test(literal) ? String(BigInt(literal)) : '';
}

/** True where a column of that type gives back other than the value that was put in. */
export function isRespelled(value: unknown, type: ColumnType): boolean {
  return isNumber(value) && spelledBack(String(value), type) !== exactJson(value, 'literal');
}

/** Looks at the values of one column, then says which type holds them all; undefined: none does. */
export function watchType(wanted?: ColumnType) {
  let sort: 'string' | 'bool' | 'number' | 'mixed' | undefined;
  let [hasFloats, isSingle, isTooLarge] = [false, true, false];
  let [least, most] = [0n, 0n];
  /** Types from which some value would come back spelled otherwise. */
  const odd = new Set<ColumnType>();
  return {
    see(value: unknown): void {
      const own = isNumber(value)
        ? 'number'
        : typeof value === 'string'
          ? 'string'
          : typeof value === 'boolean'
            ? 'bool'
            : 'mixed';
      sort = sort === undefined || sort === own ? own : 'mixed';
      if (!isNumber(value)) return;
      for (const type of ['int64', 'float64', 'float32'] as const) if (isRespelled(value, type)) odd.add(type);
      const literal = String(value);
      if (INTEGER.test(literal)) {
        const whole = BigInt(literal);
        if (whole < least) least = whole;
        if (whole > most) most = whole;
        isSingle &&= Math.fround(Number(literal)) === Number(literal);
        return;
      }
      hasFloats = true;
      const double = Number(literal);
      // Beyond a double it would come back as infinity.
      isTooLarge ||= /\d/.test(literal) && !Number.isFinite(double);
      isSingle &&= Number.isNaN(double) || Math.fround(double) === double;
    },
    isRespelled: (type: ColumnType): boolean => odd.has(type.startsWith('float') ? type : 'int64'),
    type(): ColumnType | undefined {
      if (sort !== 'number') return sort === 'mixed' ? undefined : sort;
      const isExact = -least <= Number.MAX_SAFE_INTEGER && most <= Number.MAX_SAFE_INTEGER;
      if (hasFloats)
        return isTooLarge || !isExact ? undefined : wanted === 'float32' && isSingle ? 'float32' : 'float64';
      const fits = (type: ColumnType | undefined): boolean => {
        const range = type === undefined ? undefined : rangeOf(type);
        return range !== undefined && least >= range[0] && most <= range[1];
      };
      return [wanted, 'int64', 'uint64'].find((type): type is ColumnType => fits(type as ColumnType | undefined));
    },
  };
}
