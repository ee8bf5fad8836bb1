import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { name, quote } from '../base/duckdb.ts';
import { WinnowError } from '../base/errors.ts';
import { writeFileAtomic } from '../base/files/atomic.ts';
import { makeFolder } from '../base/files/make-folder.ts';
import { onCode } from '../base/on-code.ts';
import { didYouMean } from '../base/suggest.ts';
import { sortKeys } from '../dataset/canonical.ts';
import type { Dataset } from '../dataset/dataset.ts';
import type { Column } from '../numeric/columns.ts';
import { refuseNewer } from './format-version.ts';
import { withLock } from './lock.ts';
import type { Project } from './project.ts';
import { writeParquet } from './shard-file.ts';

/** What happened to one row. The fields are those of a selector's reasons. */
export interface StoredReason {
  row: number;
  kept: boolean;
  code: string;
  cluster?: number;
  rank?: number;
  score?: number;
  /** Stage of a pipeline, from 1. */
  stage?: number;
}

const Count = z.object({ cluster: z.int(), size: z.int(), candidates: z.int(), quota: z.int(), kept: z.int() });

/** Strict, since one flipped bit in the name of `sha256` would hide it. */
const Head = z.strictObject({
  format: z.literal(1),
  name: z.string(),
  method: z.string(),
  options: z.record(z.string(), z.unknown()),
  seed: z.int(),
  dataset: z.object({ name: z.string(), hash: z.string(), rows: z.int() }),
  requested: z.int(),
  returned: z.int(),
  shortfall: z.object({ missing: z.int(), because: z.string() }).optional(),
  perCluster: z.array(Count),
  /** What the selection was computed from: for each column the signal, version, revision and parameters. */
  lineage: z.record(z.string(), z.unknown()),
  /** Kept ids in the order of the method. */
  ids: z.array(z.string()),
  /** One row for each row of the data set: kept, code, cluster, rank, score. */
  reasons: z.object({ file: z.string(), sha256: z.string(), stages: z.literal(true).optional() }),
  /** Of this text without this field; selections of an earlier Winnow have none. */
  sha256: z.string().optional(),
});

/** A selection as it is saved and loaded. A selector's `Selection` fits `chosen` as it is. */
export interface SelectionToSave {
  method: string;
  options: Readonly<Record<string, unknown>>;
  seed: number;
  requested: number;
  kept: Int32Array;
  perCluster: z.infer<typeof Count>[];
  shortfall?: { missing: number; because: string };
  reasons: readonly StoredReason[];
  clusters?: Int32Array;
}

export type SelectionHead = z.infer<typeof Head>;

export interface LoadedSelection extends SelectionToSave {
  name: string;
  dataset: SelectionHead['dataset'];
  lineage: Record<string, unknown>;
  ids: string[];
  reasons: StoredReason[];
  /** Ids of all samples that it chose from, by the rows that they had then. */
  rowIds: string[];
}

/**
 * Save under a name: JSON for people and Parquet with the reason of every row. The same selection gives the same bytes;
 * times stand in the lineage only. The JSON appears last, so a selection is there whole or not at all.
 */
export async function saveSelection(
  project: Project,
  given: string,
  dataset: Dataset,
  chosen: SelectionToSave,
  lineage: Record<string, unknown> = {},
): Promise<{ file: string }> {
  checkName(given);
  return withLock(project.locks, `selection-${given}`, () => save(project, given, dataset, chosen, lineage));
}

async function save(
  project: Project,
  given: string,
  dataset: Dataset,
  chosen: SelectionToSave,
  lineage: Record<string, unknown>,
): Promise<{ file: string }> {
  const columns = reasonColumns(chosen, dataset.rows);
  const key = createHash('sha256').update(JSON.stringify([chosen.method, chosen.seed, dataset.hash]));
  for (const column of Object.values(columns))
    key.update(column.kind === 'text' ? column.data.join('\n') : new Uint8Array(column.data.buffer));
  const digest = key.digest('hex');
  const reasonsFile = `${given}-${digest.slice(0, 16)}.parquet`;
  const duck = await project.duck();
  const path = join(project.paths.selections, reasonsFile);
  makeFolder(project.paths.selections);
  const records = Object.entries(columns).map(([column, { kind, width }]) => ({ name: column, kind, width }));
  await duck.alone((connection) =>
    writeParquet(connection, path, { start: 0, rows: dataset.rows, columns }, dataset.ids, {
      key: digest,
      columns: records,
      quarantined: [],
    }),
  );
  const head: SelectionHead = {
    format: 1,
    name: given,
    method: chosen.method,
    options: sortKeys(chosen.options) as Record<string, unknown>,
    seed: chosen.seed,
    dataset: { name: dataset.name, hash: dataset.hash, rows: dataset.rows },
    requested: chosen.requested,
    returned: chosen.kept.length,
    shortfall: chosen.shortfall,
    perCluster: chosen.perCluster,
    lineage: sortKeys(lineage) as Record<string, unknown>,
    ids: Array.from(chosen.kept, (row) => dataset.ids[row]!),
    reasons: {
      file: reasonsFile,
      sha256: await hashFile(path),
      stages: 'stage' in columns || undefined,
    },
  };
  const file = join(project.paths.selections, `${given}.json`);
  await writeFileAtomic(file, `${JSON.stringify({ ...head, sha256: hashHead(head) }, null, 1)}\n`);
  const { method, requested } = chosen;
  await project.record({
    kind: 'selection',
    name: given,
    about: { dataset: dataset.name, method, requested, returned: head.returned },
  });
  for (const other of await readdir(project.paths.selections)) {
    const stale =
      other.startsWith(`${given}-`) &&
      /^[0-9a-f]{16}\.parquet$/.test(other.slice(given.length + 1)) &&
      other !== reasonsFile;
    if (stale) await rm(join(project.paths.selections, other), { force: true });
  }
  return { file };
}

/** Everything but the reasons. Throws `SELECTION_UNKNOWN`, `SELECTION_DAMAGED`. */
export async function readSelectionHead(project: Project, given: string): Promise<SelectionHead> {
  checkName(given);
  const file = join(project.paths.selections, `${given}.json`);
  if (!existsSync(file)) {
    const there = await listSelections(project);
    throw new WinnowError({
      code: 'SELECTION_UNKNOWN',
      message: `There is no selection "${given}".`,
      hint: there.length === 0 ? FIRST_SELECTION : `${didYouMean(given, there)}The project has ${there.join(', ')}.`,
      exitCode: 2,
    });
  }
  try {
    const content = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    refuseNewer(content, 'format', file);
    const { sha256, ...head } = content;
    if (sha256 !== undefined && sha256 !== hashHead(head)) throw damagedSelection(file);
    return Head.parse(content);
  } catch (cause) {
    throw cause instanceof WinnowError ? cause : damagedSelection(file, cause);
  }
}

/** Of a file; '' where there is none. */
async function hashFile(path: string): Promise<string> {
  const bytes = await readFile(path).catch(onCode(['ENOENT'], undefined));
  return bytes === undefined ? '' : createHash('sha256').update(bytes).digest('hex');
}

function hashHead(head: Record<string, unknown>): string {
  return createHash('sha256').update(JSON.stringify(head)).digest('hex');
}

function damagedSelection(file: string, cause?: unknown): WinnowError {
  return new WinnowError({
    code: 'SELECTION_DAMAGED',
    message: 'The selection is not as it was written.',
    where: { file },
    hint: 'Make it again with the same command: the same rows are chosen.',
    cause,
  });
}

/** A saved selection with the reason of every row. */
export async function loadSelection(project: Project, given: string): Promise<LoadedSelection> {
  const head = await readSelectionHead(project, given);
  const path = join(project.paths.selections, head.reasons.file);
  const rows = head.dataset.rows;
  const kept = new Int32Array(head.returned);
  const clusters = new Int32Array(rows).fill(-1);
  const reasons: StoredReason[] = new Array(rows);
  const rowIds: string[] = new Array(rows);
  const duck = await project.duck();
  const byId = new Map(head.ids.map((id, at) => [id, at]));
  if ((await hashFile(path)) !== head.reasons.sha256) throw damagedSelection(path);
  await duck.alone(async (connection) => {
    try {
      const stage = head.reasons.stages === true ? ['stage'] : [];
      const columns = ['row', 'id', 'kept', 'code', 'cluster', 'rank', 'score', ...stage].map(name).join(', ');
      const result = await connection.stream(`SELECT ${columns} FROM read_parquet([${quote(path)}])`);
      for (
        let chunk = await result.fetchChunk();
        chunk !== null && chunk.rowCount > 0;
        chunk = await result.fetchChunk()
      ) {
        for (const [row, id, isKept, code, cluster, rank, score, stage = 0] of chunk.getRows() as [
          number,
          string,
          number,
          string,
          number,
          number,
          number | null,
          number?,
        ][]) {
          const reason: StoredReason = { row, kept: isKept === 1, code };
          if (cluster >= 0) reason.cluster = cluster;
          if (rank > 0) reason.rank = rank;
          if (score !== null) reason.score = score;
          if (stage > 0) reason.stage = stage;
          clusters[row] = cluster;
          rowIds[row] = id;
          reasons[row] = reason;
          if (reason.kept) kept[byId.get(id)!] = row;
        }
      }
    } catch (cause) {
      throw damagedSelection(path, cause);
    }
  });
  return {
    name: head.name,
    method: head.method,
    options: head.options,
    seed: head.seed,
    requested: head.requested,
    kept,
    perCluster: head.perCluster,
    shortfall: head.shortfall,
    reasons,
    clusters: clusters.some((cluster) => cluster >= 0) ? clusters : undefined,
    dataset: head.dataset,
    lineage: head.lineage,
    ids: head.ids,
    rowIds,
  };
}

const FIRST_SELECTION = 'Make one first: winnow select visnec --budget 15%';

/** The name given, else that of the newest selection. @throws WinnowError `SELECTION_MISSING` where there is none */
export async function selectionOrNewest(project: Project, given?: string): Promise<string> {
  const name = given ?? (await newestSelection(project));
  if (name !== undefined) return name;
  throw new WinnowError({
    code: 'SELECTION_MISSING',
    message: 'This project has no selection yet.',
    hint: FIRST_SELECTION,
    exitCode: 2,
  });
}

/** The selection that was saved last, or the last by name where the lineage knows none; undefined: there is none. */
export async function newestSelection(project: Project): Promise<string | undefined> {
  const names = await listSelections(project);
  const there = new Set(names);
  const saved = (await project.lineage()).filter((entry) => entry.kind === 'selection' && there.has(entry.name));
  const last = saved.at(-1);
  return last?.kind === 'selection' ? last.name : names.at(-1);
}

/** Names of the saved selections, sorted. */
export async function listSelections(project: Project): Promise<string[]> {
  const files = await readdir(project.paths.selections).catch(onCode<string[]>(['ENOENT'], []));
  return files
    .filter((file) => file.endsWith('.json') && !file.startsWith('.'))
    .map((file) => file.slice(0, -5))
    .sort();
}

function reasonColumns(chosen: SelectionToSave, rows: number): Record<string, Column> {
  const kept = new Int32Array(rows);
  const code: (string | null)[] = new Array(rows).fill(null);
  const cluster = new Int32Array(rows).fill(-1);
  const rank = new Int32Array(rows);
  const score = new Float32Array(rows).fill(Number.NaN);
  const stage = new Int32Array(rows);
  if (chosen.clusters !== undefined) cluster.set(chosen.clusters);
  for (const reason of chosen.reasons) {
    kept[reason.row] = reason.kept ? 1 : 0;
    code[reason.row] = reason.code;
    if (reason.cluster !== undefined) cluster[reason.row] = reason.cluster;
    rank[reason.row] = reason.rank ?? 0;
    score[reason.row] = reason.score ?? Number.NaN;
    stage[reason.row] = reason.stage ?? 0;
  }
  for (const row of chosen.kept) kept[row] = 1;
  const columns: Record<string, Column> = {
    kept: { kind: 'i32', width: 1, data: kept },
    code: { kind: 'text', width: 1, data: code },
    cluster: { kind: 'i32', width: 1, data: cluster },
    rank: { kind: 'i32', width: 1, data: rank },
    score: { kind: 'f32', width: 1, data: score },
  };
  if (stage.some((number) => number > 0)) columns.stage = { kind: 'i32', width: 1, data: stage };
  return columns;
}

/** @throws WinnowError `NAME_INVALID` */
export function checkName(given: string): void {
  if (/^[\p{L}\p{N}][\p{L}\p{N}%._-]*$/u.test(given)) return;
  throw new WinnowError({
    code: 'NAME_INVALID',
    message: `"${given}" can't be the name of a selection.`,
    hint: 'Use letters, digits, ".", "_" and "-".',
    exitCode: 2,
  });
}
