import { type Column, listColumn } from '../numeric/columns.ts';
import type { EqualRows } from './equal-rows.ts';
import type { Project } from './project.ts';
import type { ColumnRecord } from './shard-file.ts';
import { readShard, type WholeShard } from './shard-read.ts';

/**
 * Puts the numbers of equal rows into those that were measured now. What `now` has at these rows is passed
 * over; it is undefined where all rows had been measured before. One file is in memory at a time.
 */
export async function takeOver(project: Project, equal: EqualRows, now: WholeShard | undefined): Promise<WholeShard> {
  const rows = equal.file.length;
  let records = now?.records;
  let fills: Fill[] | undefined = records?.map((record) => fillOf(record, rows));
  for (const [i, { name }] of (records ?? []).entries()) {
    for (const [row, file] of equal.file.entries()) if (file < 0) fills![i]!.copy(now!.columns[name]!, row, row);
  }
  for (const file of new Set(equal.file)) {
    if (file < 0) continue;
    const shard = await readShard(project, equal.files[file]!);
    records ??= shard.records;
    fills ??= records.map((record) => fillOf(record, rows));
    for (const [i, { name, width }] of records.entries()) {
      const from = shard.columns[name];
      if (from?.width !== width) throw new RangeError(`${equal.files[file]} has no column ${name} of width ${width}.`);
      for (const [row, at] of equal.place.entries()) if (equal.file[row] === file) fills[i]!.copy(from, at, row);
    }
  }
  if (records === undefined || fills === undefined) throw new RangeError('There is nothing to take over.');
  const columns = records.map(({ name }, i) => [name, fills[i]!.column()] as const);
  const quarantined = (now?.quarantined ?? []).filter(({ row }) => equal.file[row - equal.start]! < 0);
  return { records, columns: Object.fromEntries(columns), quarantined };
}

/** A column that is put together from rows of others; nothing where no row was put. */
interface Fill {
  copy(from: Column, at: number, row: number): void;
  column(): Column;
}

function fillOf({ kind, width }: ColumnRecord, rows: number): Fill {
  if (kind === 'text') {
    const data = new Array<string | null>(rows).fill(null);
    return {
      copy: (from, at, row) => {
        if (from.kind === 'text') data[row] = from.data[at] ?? null;
      },
      column: () => ({ kind, width: 1, data }),
    };
  }
  if (kind === 'i32') {
    const data = new Int32Array(rows);
    return {
      copy: (from, at, row) => {
        if (from.kind === 'i32') data[row] = from.data[at]!;
      },
      column: () => ({ kind, width: 1, data }),
    };
  }
  if (kind === 'list') {
    const lists = new Array<Float32Array | undefined>(rows);
    return {
      copy: (from, at, row) => {
        if (from.kind === 'list') lists[row] = from.data.slice(from.offsets[at], from.offsets[at + 1]);
      },
      column: () => listColumn(lists),
    };
  }
  const data = new Float32Array(rows * width).fill(Number.NaN);
  return {
    copy: (from, at, row) => {
      if (from.kind === 'f32') data.set(from.data.subarray(at * width, (at + 1) * width), row * width);
    },
    column: () => ({ kind: 'f32', width, data }),
  };
}
