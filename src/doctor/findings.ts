import type { Check, Finding, Severity } from './checks/check.ts';

/** Faulty rows whose ids and details are kept. */
const EXAMPLES = 20;

/** Everything that one check found: JSON. */
export interface CheckFinding {
  code: string;
  severity: Severity;
  /** Faulty rows; a fault of the file as a whole counts as one. */
  count: number;
  /** The first 20, in row order. */
  sample_ids: string[];
  /** Whether `--fix` fixes (or drops) at least one of them. */
  fixable: boolean;
  title: string;
  /** What is wrong with each of `sample_ids`; with the file, where there is none. */
  details: string[];
  advice: string;
  /** What `--fix` does; absent where it does nothing. */
  fix?: string;
}

const FOUND = 1;
const FIXABLE = 2;

/** Collects findings: counts and a flag for each row and code, texts of the first only. */
export interface FindingStore {
  report(finding: Finding): void;
  /** The code has a finding for this row that its fix fits. */
  isFixable(code: string, row: number): boolean;
  /** Rows with a finding of the code, ascending. */
  rowsOf(code: string): number[];
  /** In the order of `checks`; checks without a finding are left out. */
  summary(checks: readonly Check[]): CheckFinding[];
}

interface Kept {
  count: number;
  fixable: boolean;
  flags: Uint8Array;
  first: { row: number; id: string; detail: string }[];
}

export function createFindings(rows: number, checks: readonly Check[]): FindingStore {
  const known = new Map(checks.map((check) => [check.code, check]));
  const kept = new Map<string, Kept>();
  return {
    report({ code, row, id, detail, fixable }) {
      const check = known.get(code);
      if (check === undefined) throw new RangeError(`no check has the code ${code}`);
      let all = kept.get(code);
      if (all === undefined) {
        all = { count: 0, fixable: false, flags: new Uint8Array(rows), first: [] };
        kept.set(code, all);
      }
      const isFixable = fixable ?? check.fix !== undefined;
      all.fixable ||= isFixable;
      const isNew = row < 0 || all.flags[row] === 0;
      if (isNew) all.count++;
      if (row >= 0) all.flags[row]! |= isFixable ? FOUND | FIXABLE : FOUND;
      keep(all.first, { row, id, detail }, isNew);
    },
    isFixable: (code, row) => ((kept.get(code)?.flags[row] ?? 0) & FIXABLE) !== 0,
    rowsOf: (code) => [...(kept.get(code)?.flags ?? [])].flatMap((flags, row) => (flags === 0 ? [] : [row])),
    summary: (wanted) =>
      wanted.flatMap(({ code, severity, title, advice, fix }) => {
        const all = kept.get(code);
        if (all === undefined) return [];
        return [
          {
            code,
            severity,
            count: all.count,
            sample_ids: all.first.filter(({ row }) => row >= 0).map(({ id }) => id),
            fixable: all.fixable,
            title,
            details: all.first.map(({ detail }) => detail),
            advice,
            fix: all.fixable && fix !== undefined ? fix : undefined,
          },
        ];
      }),
  };
}

/** The first findings stay sorted by row, whatever the order they come in. */
function keep(first: Kept['first'], item: Kept['first'][number], isNew: boolean): void {
  if (!isNew) {
    const there = first.find(({ row }) => row === item.row);
    if (there !== undefined && !there.detail.split('; ').includes(item.detail)) there.detail += `; ${item.detail}`;
    return;
  }
  if (first.length === EXAMPLES && item.row >= first[EXAMPLES - 1]!.row) return;
  let at = first.length;
  while (at > 0 && first[at - 1]!.row > item.row) at--;
  first.splice(at, 0, item);
  if (first.length > EXAMPLES) first.pop();
}
