import type { RawRecord } from '../records/source.ts';
import { type BuildOptions, createIndexTable, type RowIndex } from './index-table.ts';
import { buildOnThreads } from './index-threads.ts';
import { hashUnder, rowFacts } from './row-facts.ts';

/**
 * Read every record once; a large file on several threads, with the same result. A record that can't be read keeps its
 * row and is listed with its reason.
 */
export async function buildIndex(build: BuildOptions): Promise<RowIndex> {
  return (await buildOnThreads(build)) ?? (await buildHere(build));
}

async function buildHere({ source, format, file, options, signal, progress }: BuildOptions): Promise<RowIndex> {
  const table = createIndexTable();
  let end = 0;
  const visit = (record: RawRecord): void => {
    const context = { file, row: table.rows, options };
    const { parsed } = record;
    const rehash = (id: string) => hashUnder(id, format, parsed.ok ? parsed.value : null, context);
    table.add(record, rowFacts(format, record, context), rehash);
    end = record.offset + record.length;
    if (table.rows % 4096 === 0) progress?.(table.rows, record.offset);
  };
  await source.scan(visit, signal);
  progress?.(table.rows, end);
  return table.finish();
}
