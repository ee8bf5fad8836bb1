import { WinnowError } from '../base/errors.ts';
import { didYouMean } from '../base/suggest.ts';
import type { Dataset } from '../dataset/dataset.ts';
import type { Check, DoctorContext, Examination } from './checks/check.ts';
import { groups } from './checks/registry.ts';
import { type CheckFinding, createFindings, type FindingStore } from './findings.ts';
import type { Target } from './target.ts';

export interface ExamineOptions {
  target?: Target;
  against?: readonly Dataset[];
  /** Codes to look for. @default all */
  only?: readonly string[];
  /** Codes to leave out. @default none */
  skip?: readonly string[];
  /** Look at the first rows only. @default all */
  limit?: number;
  /** Largest file that is decoded, in bytes. @default 100 MB */
  maxBytes?: number;
  /** Largest image that is decoded, in pixels. @default 178,956,970, where Pillow refuses */
  maxPixels?: number;
  /** Fixes keep what decodes of images that are cut or damaged, instead of leaving their rows out. @default false */
  keepDamaged?: boolean;
  signal?: AbortSignal;
  progress?: (done: number, total: number, what: string) => void;
}

/** A check that was asked for and could not be made, with what it lacks. */
export interface NotRun {
  code: string;
  title: string;
  because: string;
}

/** What an examination leaves: findings, and what fixes them. */
export interface Examined {
  findings: CheckFinding[];
  notRun: NotRun[];
  store: FindingStore;
  examinations: Examination[];
}

/** Every check there is, ordered by code. */
export function allChecks(): Check[] {
  return groups.flatMap((group) => group.checks).sort((a, b) => (a.code < b.code ? -1 : 1));
}

/** Make all checks that were asked for in one pass over the data set. Throws `CODE_UNKNOWN`. */
export async function examine(dataset: Dataset, options: ExamineOptions = {}): Promise<Examined> {
  const { target, against = [], only, skip = [], limit = Number.POSITIVE_INFINITY, signal, progress } = options;
  const checks = allChecks();
  requireKnown([...(only ?? []), ...skip], checks);
  const asked = checks.filter(({ code }) => (only === undefined || only.includes(code)) && !skip.includes(code));
  const lacks = new Map(asked.map((check) => [check.code, whatLacks(check, target, against)]));
  const wanted = asked.filter(({ code }) => lacks.get(code) === undefined);
  const codes = new Set(wanted.map(({ code }) => code));
  const store = createFindings(dataset.rows, checks);
  const context: DoctorContext = {
    dataset,
    against,
    maxBytes: options.maxBytes ?? 100e6,
    keepDamaged: options.keepDamaged ?? false,
    maxPixels: options.maxPixels ?? 178_956_970,
    wanted: (code) => codes.has(code),
    report: (finding) => {
      if (codes.has(finding.code)) store.report(finding);
    },
    target,
    signal,
    progress,
  };
  const examinations: Examination[] = [];
  for (const group of groups) {
    if (group.checks.some(({ code }) => codes.has(code))) examinations.push(await group.open(context));
  }
  const total = Math.min(dataset.rows, limit);
  await dataset.scan((row) => {
    if (row.row >= limit) return;
    for (const examination of examinations) examination.visit(row);
    if (row.row % 1024 === 0) progress?.(row.row, total, 'examining rows');
  }, signal);
  progress?.(total, total, 'examining rows');
  for (const examination of examinations) {
    signal?.throwIfAborted();
    await examination.finish?.();
  }
  const notRun = asked.flatMap(({ code, title }) => {
    const because = lacks.get(code);
    return because === undefined ? [] : [{ code, title, because }];
  });
  return { findings: store.summary(wanted), notRun, store, examinations };
}

function whatLacks(check: Check, target: Target | undefined, against: readonly Dataset[]): string | undefined {
  if (check.needs === 'target' && target === undefined) return 'needs --target';
  if (check.needs === 'against' && against.length === 0) return 'needs --against';
  if (target !== undefined && check.appliesTo?.(target) === false) return `doesn't apply to ${target.title}`;
  return undefined;
}

function requireKnown(codes: readonly string[], checks: readonly Check[]): void {
  const unknown = codes.find((code) => !checks.some((check) => check.code === code));
  if (unknown === undefined) return;
  throw new WinnowError({
    code: 'CODE_UNKNOWN',
    message: `There is no check "${unknown}".`,
    hint: `${didYouMean(
      unknown,
      checks.map(({ code }) => code),
    )}Use codes such as ${checks
      .slice(0, 5)
      .map(({ code }) => code)
      .join(', ')}; docs/doctor.md lists all of them.`,
    exitCode: 2,
  });
}
