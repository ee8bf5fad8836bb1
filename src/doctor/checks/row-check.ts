import type { ScannedRow } from '../../dataset/index/scan.ts';
import type { Check, CheckGroup, DoctorContext, Fix } from './check.ts';

/** What a check of one row has seen; a text alone where the check's fix (if it has one) fits the row. */
export type Seen = string | { detail: string; fixable: boolean } | undefined;

/** A check that looks at one row at a time and keeps nothing: what most checks are. */
export interface RowCheck extends Check {
  look(row: ScannedRow, context: DoctorContext): Seen;
  mend?: Fix;
}

/** A group of checks of single rows. */
export function rowGroup(name: CheckGroup['name'], checks: readonly RowCheck[]): CheckGroup {
  return {
    name,
    checks,
    open(context) {
      const wanted = checks.filter((check) => context.wanted(check.code));
      return {
        visit(row) {
          for (const check of wanted) {
            const seen = check.look(row, context);
            if (seen === undefined) continue;
            const { detail, fixable } =
              typeof seen === 'string' ? { detail: seen, fixable: check.mend !== undefined } : seen;
            context.report({ code: check.code, row: row.row, id: row.ownId ?? row.id, detail, fixable });
          }
        },
        fixes: Object.fromEntries(
          wanted.flatMap((check) => (check.mend === undefined ? [] : [[check.code, check.mend]])),
        ),
      };
    },
  };
}
