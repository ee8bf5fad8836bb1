import type { RecordSource } from './source.ts';

/** Records that a folder format has listed: kept in memory, known by their place. */
export function listedSource(records: readonly unknown[]): RecordSource {
  return {
    async scan(visit) {
      for (const [offset, value] of records.entries()) visit({ offset, length: 1, parsed: { ok: true, value } });
    },
    read: (spans) => spans.map(({ offset }) => records[offset]),
    close() {},
  };
}
