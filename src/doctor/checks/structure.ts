import { closeSync, openSync, readSync, statSync } from 'node:fs';
import type { Dataset } from '../../dataset/dataset.ts';
import { drop, fixOrder, fixSystemTurn, mergedTurns } from '../fixes/fix-turns.ts';
import type { CheckGroup } from './check.ts';
import { duplicateKey } from './duplicate-keys.ts';
import { type Issue, type RowCheck, rowGroup } from './row-check.ts';
import { answerFirst, brokenOrder, describeEmpty, emptyAnswers, missingAnswer } from './turns.ts';

/** What a reader can't use, by the codes of its errors; everything else is D001. */
const REFUSED: Readonly<Record<string, string>> = { PLACEHOLDER_COUNT: 'D101', ROLE_UNKNOWN: 'D005' };

/** The check under which a row that can't be used is reported. */
export function codeOfFault(fault: string): string {
  return REFUSED[fault] ?? 'D001';
}

const unparseable: RowCheck = {
  code: 'D001',
  severity: 'error',
  title: 'a row is not sound JSON of its format',
  why: 'Loaders stop at it, skip it, or each read something else out of it.',
  advice: 'Mend the row where the file is made.',
  check(row, { dataset }) {
    const issues: string[] = [];
    if (row.row === 0 && statSync(dataset.path).isFile()) issues.push(...faultsOfFile(dataset));
    if (row.fault !== undefined && codeOfFault(row.fault.code) === 'D001') issues.push(row.fault.reason);
    if (row.parsed.ok) {
      if (row.parsed.bare !== undefined) issues.push(`bare ${row.parsed.bare}, which JSON doesn't have`);
      if (row.parsed.gap !== undefined) issues.push(row.parsed.gap);
      const isWalkable = row.bytes !== undefined && row.fault?.code !== 'RECORD_TOO_DEEP';
      const key = !isWalkable ? undefined : duplicateKey(row.bytes!, row.parsed.value);
      if (key !== undefined) issues.push(`the key ${JSON.stringify(key)} stands twice in one object`);
    }
    return issues.length === 0 ? undefined : issues.join('; ');
  },
};

const answered: RowCheck = {
  code: 'D003',
  severity: 'error',
  title: 'no answer at the end',
  why: 'There is nothing to train on, or the last turn is never answered; trainers drop the row or fail.',
  advice: 'Drop the row, or add the answer.',
  fix: 'drop the row',
  check: ({ sample }) => (sample === null ? undefined : missingAnswer(sample)),
  applyFix: drop,
};

const alternating: RowCheck = {
  code: 'D004',
  severity: 'error',
  title: "turns don't alternate, or the first isn't the user's",
  why: 'LLaMA-Factory drops such rows with a warning, LLaVA fails or skips turns, templates refuse them.',
  advice: "Merge neighbouring turns of one role; drop what doesn't begin with the user.",
  fix: 'merge neighbours of one role',
  appliesTo: (target) => target.strictTurns === true,
  check({ sample }, { target }): Issue {
    // What begins with an answer is wrong for every trainer.
    const order = target === undefined ? answerFirst : brokenOrder;
    const broken = sample === null ? undefined : order(sample.messages);
    if (sample === null || broken === undefined) return undefined;
    return { detail: broken, fixable: mergedTurns(sample) !== null };
  },
  applyFix: fixOrder,
};

const roles: RowCheck = {
  code: 'D005',
  severity: 'warn',
  title: 'an unknown role, or a system turn where the target has none',
  why: 'Rows with unknown roles are dropped; a system turn is lost or taken for an answer.',
  advice: 'Rename the role; move the system turn into the first user turn.',
  fix: 'move the system turn into the first user turn',
  check(row, { target }): Issue {
    if (row.fault !== undefined && codeOfFault(row.fault.code) === 'D005')
      return { detail: row.fault.reason, fixable: false };
    const { sample } = row;
    if (target?.noSystemTurn !== true || sample === null) return undefined;
    if (!sample.messages.some((message) => message.role === 'system')) return undefined;
    const hasUser = sample.messages.some((message) => message.role === 'user');
    return { detail: `a system turn, for which ${target.title} has no place`, fixable: hasUser };
  },
  applyFix: fixSystemTurn,
};

const empty: RowCheck = {
  code: 'D006',
  severity: 'error',
  title: 'an empty answer',
  why: 'There is no token to train on: LLaVA masks the whole row, others learn to end at once.',
  advice: 'Drop the row.',
  fix: 'drop the row',
  check({ sample }) {
    if (sample === null) return undefined;
    const turns = emptyAnswers(sample);
    return turns.length === 0 ? undefined : describeEmpty(sample, turns);
  },
  applyFix: drop,
};

export const structure: CheckGroup = rowGroup({ name: 'structure', order: 10 }, [
  unparseable,
  answered,
  alternating,
  roles,
  empty,
]);

/**
 * What is wrong with the file around its records, which strict parsers stop at. Of a packed file nothing is known here.
 */
function faultsOfFile({ path, detected }: Dataset): string[] {
  const { size } = statSync(path);
  const file = openSync(path, 'r');
  const read = (start: number, length: number): Buffer => {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(file, bytes, 0, length, start));
  };
  try {
    const issues: string[] = [];
    const head = read(0, 256);
    if (head.subarray(0, 3).equals(MARK)) issues.push('the file begins with a byte-order mark');
    const isArray = detected.includes('JSON array') && /^\ufeff?\s*\[/.test(head.toString('utf8'));
    const end = isArray
      ? read(Math.max(0, size - 256), 256)
          .toString('utf8')
          .trimEnd()
      : '';
    if (/,\s*\]$/.test(end)) issues.push('a comma stands before the bracket that closes the file');
    else if (end !== '' && !end.endsWith(']')) issues.push('text stands behind the bracket that closes the array');
    return issues;
  } finally {
    closeSync(file);
  }
}

const MARK = Buffer.from([0xef, 0xbb, 0xbf]);
