import type { ScannedRow } from '../../dataset/index/scan.ts';
import type { Check, CheckGroup, DoctorContext, Fix } from './check.ts';

/** The issue that a check of one row finds; a text alone where the check's fix (if it has one) fits the row. */
export type Issue = string | { detail: string; fixable: boolean } | undefined;

/** A check that looks at one row at a time and keeps nothing: what most checks are. */
export interface RowCheck extends Check {
  check(row: ScannedRow, context: DoctorContext): Issue;
  applyFix?: Fix;
}

/** A group of checks of single rows. */
export function rowGroup(about: Pick<CheckGroup, 'name' | 'order'>, checks: readonly RowCheck[]): CheckGroup {
  return {
    ...about,
    checks,
    open(context) {
      const wanted = checks.filter((check) => context.wanted(check.code));
      return {
        visit(row) {
          for (const check of wanted) {
            const issue = check.check(row, context);
            if (issue === undefined) continue;
            const { detail, fixable } =
              typeof issue === 'string' ? { detail: issue, fixable: check.applyFix !== undefined } : issue;
            context.report({ code: check.code, row: row.row, id: row.ownId ?? row.id, detail, fixable });
          }
        },
        fixes: Object.fromEntries(
          wanted.flatMap((check) => (check.applyFix === undefined ? [] : [[check.code, check.applyFix]])),
        ),
      };
    },
  };
}
