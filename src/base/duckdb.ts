import { rmSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { WinnowError } from './errors.ts';
import { temporaryName } from './files/atomic.ts';
import { makeFolder } from './files/make-folder.ts';

export interface DuckOptions {
  /** The only folder that DuckDB may read and write. */
  folder: string;
  /** Further folders that it may read and write. */
  also?: readonly string[];
  /** Where it spills what doesn't fit into memory, each process in a folder of its own; inside `folder`. */
  temporary: string;
  /** @default half of the memory, at most 2 GB */
  memoryLimit?: string;
  /** @default 2 */
  threads?: number;
}

/** DuckDB in memory, for one project. */
export interface Duck {
  /** Run `work` alone: statements of different callers never mix. */
  alone<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T>;
  close(): void;
}

/**
 * The one place where DuckDB is opened: it installs and loads no extensions, reads and writes nothing outside of the
 * project, and keeps to a memory limit; none of it can be changed later by a query.
 */
export async function openDuck(options: DuckOptions): Promise<Duck> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const temporary = spillFolder(options.temporary);
  const half = Math.floor(totalmem() / 2 / 1e6);
  const instance = await DuckDBInstance.create(':memory:', {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    memory_limit: options.memoryLimit ?? `${Math.min(2000, half)}MB`,
    threads: String(options.threads ?? 2),
    temp_directory: temporary,
  });
  const connection = await instance.connect();
  await connection.run(
    `SET allowed_directories = [${[options.folder, ...(options.also ?? [])].map(quote).join(', ')}]`,
  );
  await connection.run('SET enable_external_access = false');
  await connection.run('SET lock_configuration = true');
  let last: Promise<unknown> = Promise.resolve();
  return {
    alone(work) {
      const mine = last.then(() => work(connection));
      last = mine.catch(() => undefined);
      return mine;
    },
    close() {
      connection.closeSync();
      instance.closeSync();
      if (temporary !== '') rmSync(temporary, { recursive: true, force: true });
    },
  };
}

/** A new folder in `parent`; in a project that may only be read nothing is spilled, which '' tells DuckDB. */
function spillFolder(parent: string): string {
  const folder = temporaryName(join(parent, 'duckdb'));
  try {
    makeFolder(folder);
    return folder;
  } catch {
    return '';
  }
}

/** A string literal of SQL. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** An identifier of SQL: the one way in which a name from data gets into a statement. Throws `NAME_INVALID`. */
export function name(text: string): string {
  if (isName(text)) return `"${text.replaceAll('"', '""')}"`;
  throw new WinnowError({
    code: 'NAME_INVALID',
    message: `A column can't be called ${JSON.stringify(text)}.`,
    hint: 'Name it with letters and digits.',
    exitCode: 2,
  });
}

/** False for what no quoting makes an identifier: nothing, and what holds a NUL, which ends a statement. */
export function isName(text: string): boolean {
  return text !== '' && !text.includes('\0');
}
