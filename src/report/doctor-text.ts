import { plural } from '../base/phrases.ts';
import type { CheckFinding } from '../doctor/findings.ts';
import type { DoctorResult } from '../doctor/result.ts';
import { count } from './format.ts';

/**
 * The doctor's findings for a terminal: a line for each code, and below it an example and what to do. Ends without a
 * newline.
 */
export function doctorText(result: DoctorResult, { width }: { width: number }): string {
  const { findings, notRun, fixed } = result;
  const target = result.target === null ? '' : `, for ${result.target}`;
  const blocks = [`${result.path}: ${plural(result.rows, 'row')}, ${result.format}${target}`];
  if (findings.length > 0) {
    const what = Math.max(...findings.map(({ title }) => title.length), 4);
    const head = line(['code', 'level', 'rows', 'what'.padEnd(what), 'first']);
    blocks.push([head, ...findings.map((finding) => block(finding, what, Math.max(60, width)))].join('\n'));
  }
  blocks.push(verdict(findings));
  if (notRun.length > 0) {
    const reasons = new Map<string, string[]>();
    for (const { code, because } of notRun) reasons.set(because, [...(reasons.get(because) ?? []), code]);
    blocks.push([...reasons].map(([because, codes]) => `Not run, ${because}: ${codes.join(', ')}`).join('\n'));
  }
  if (fixed !== undefined) blocks.push(fixedText(fixed));
  return blocks.join('\n\n');
}

function line([code, level, rows, what, first]: [string, string, string, string, string]): string {
  return `${code.padEnd(5)} ${level.padEnd(6)} ${rows.padStart(8)}  ${what}  ${first}`.trimEnd();
}

function block(finding: CheckFinding, what: number, width: number): string {
  const { code, severity, sample_ids, details, title, advice, fix } = finding;
  const ids = `${sample_ids.slice(0, 3).join(', ')}${finding.count > 3 ? ', ...' : ''}`;
  const fits = 25 + what + ids.length <= width;
  const example = sample_ids[0] === undefined ? details[0]! : `${sample_ids[0]}: ${details[0]}`;
  return [
    line([code, severity, count(finding.count), title.padEnd(what), fits ? printable(ids) : '']),
    ...(fits ? [] : [`      first: ${printable(ids)}`]),
    `      ${printable(example)}`,
    `      ${advice}${fix === undefined ? '' : ` (--fix: ${fix})`}`,
  ].join('\n');
}

function verdict(findings: readonly CheckFinding[]): string {
  const of = (severity: string): number => findings.filter((finding) => finding.severity === severity).length;
  if (findings.length === 0) return 'Nothing found.';
  const fixable = findings.filter((finding) => finding.fixable).map(({ code }) => code);
  const told = `${plural(of('error'), 'error')}, ${plural(of('warn'), 'warning')}, ${plural(of('info'), 'remark')}.`;
  return fixable.length === 0 ? told : `${told} --fix fixes or drops rows of ${fixable.join(', ')}.`;
}

function fixedText({ path, log, rows, changed, dropped, lost, dataset }: NonNullable<DoctorResult['fixed']>): string {
  const tally = (counts: Record<string, number>): string =>
    Object.entries(counts)
      .map(([code, n]) => `${code} ${count(n)}`)
      .join(', ') || 'none';
  return [
    `New version: ${path} (${plural(rows, 'row')})`,
    `  changed: ${tally(changed)}`,
    `  dropped: ${tally(dropped)}`,
    ...lost.map(({ what, count: n, ids }) => `  not carried over: ${what}, ${plural(n, 'row')} (first ${ids[0]})`),
    `  every change: ${log}`,
    ...(dataset === undefined
      ? []
      : [
          `It is the data set "${dataset}" of the project; commands without --dataset go on using the first one.`,
          `Next: winnow score loss --dataset ${dataset}`,
        ]),
  ].join('\n');
}

/** Control characters of the data must not reach the terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ');
}
