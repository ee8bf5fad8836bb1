import type { Check, CheckGroup, DoctorContext, Examination } from './check.ts';

/**
 * Formats whose rows have an id by convention. Elsewhere a file without any id is in order, and one with some lacks the
 * others.
 */
const WITH_IDS = new Set(['llava', 'neutral']);

const identity: Check = {
  code: 'D002',
  severity: 'error',
  title: 'an id is missing, taken, or no key for the target',
  why: "Results can't be traced to rows; loaders that key by id keep one of the rows and lose the other.",
  advice: 'Give every row an id of its own.',
  fix: 'derive an id, number the later duplicate, or encode it',
};

/** Ids: there, unique, and fit to be file names where the target makes them that. */
export const ids: CheckGroup = { name: 'structure', order: 20, checks: [identity], open };

function open({ dataset, target, report }: DoctorContext): Examination {
  const missing: { row: number; id: string }[] = [];
  let have = WITH_IDS.has(dataset.format) || target?.idsAreKeys === true ? 1 : 0;
  const encoded = new Set<string>();
  /** What the reported rows are called in the file; null: nothing. */
  const own = new Map<number, string | null>();
  const found = (row: number, id: string, called: string | null, detail: string): void => {
    own.set(row, called);
    report({ code: 'D002', row, id, detail });
  };
  return {
    visit(row) {
      if (row.ownId === undefined) return;
      if (row.ownId === null) {
        missing.push({ row: row.row, id: row.id });
        return;
      }
      have++;
      // A row that can't be used may be called otherwise without another row's having its id.
      const owner = row.ownId === row.id ? row.row : dataset.rowOf(row.ownId);
      if (owner >= 0 && owner !== row.row)
        found(row.row, row.ownId, row.ownId, `row ${owner} has the id ${JSON.stringify(row.ownId)} already`);
      if (target?.idsAreKeys === true && /[./]/.test(row.ownId))
        found(
          row.row,
          row.ownId,
          row.ownId,
          `the id ${JSON.stringify(row.ownId)} has ${row.ownId.includes('.') ? 'a dot' : 'a slash'}, which ends a key of ${target.title}`,
        );
    },
    async finish() {
      if (have > 0) for (const { row, id } of missing) found(row, id, null, 'no id');
    },
    fixes: {
      D002(sample, { row, id }) {
        let is = id;
        if (target?.idsAreKeys === true) {
          is = id.replace(/[./]/g, '_');
          for (let n = 2; encoded.has(is) || (is !== id && dataset.rowOf(is) >= 0); n++)
            is = `${id.replace(/[./]/g, '_')}_${n}`;
          encoded.add(is);
        }
        return { sample: { ...sample, id: is }, was: own.get(row), is };
      },
    },
  };
}
