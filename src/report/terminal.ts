import { styled } from '../base/terminal-text.ts';
import type { NecessityClass } from '../select/kit/necessity-class.ts';
import { alignColumns } from './align-columns.ts';
import type { ReportData } from './data.ts';
import { CLASS_TITLE, CLASSES, count, duration, number, percent, signed } from './format.ts';
import { fitSentences, headline, isReadable, ownClusterFindings, selectionSentence } from './headline.ts';
import type { Bin, Summary } from './summary.ts';
import { summarise } from './summary.ts';

export interface SummaryTextOptions {
  /** ANSI colours; false for files and pipes. */
  colour: boolean;
  /** Columns of the terminal; 100 are used at most, 40 at least. */
  width: number;
}

const HUE = { critical: '34', redundant: '33', neither: '35', misaligned: '31', 'text-only': '90' } as const;

/** The report's numbers as text, for a terminal or a log. Ends without a newline. */
export function summaryText(data: ReportData, options: SummaryTextOptions): string {
  const width = Math.max(40, Math.min(100, options.width));
  const paint = (code: string, text: string): string => (options.colour ? styled(code, text) : text);
  const bold = (text: string): string => paint('1', text);
  const summary = summarise(data);
  const parts: string[] = [
    [
      bold(summary.title),
      ...(summary.stale === null ? [] : [...wrap(summary.stale, width).map(bold), '']),
      ...fitParagraphs(summary, width, bold),
      ...(summary.classes === null || isReadable(summary) ? wrap(headline(summary), width) : []),
      ...wrap(selectionSentence(summary), width),
    ].join('\n'),
  ];
  if (summary.bins.length > 0) parts.push(necessityChart(summary, width, paint));
  if (summary.selections.length > 0)
    parts.push(`${bold('Selections against random')}\n${selectionTable(summary, width)}`);
  if (summary.faults.length > 0) {
    const notes = ownClusterFindings(summary).flatMap((text) => wrap(`! ${text}`, width, '  '));
    parts.push([bold('Planted faults kept'), faultTable(summary, width), ...notes].join('\n'));
  }
  if (summary.auc.length > 0) {
    parts.push(
      summary.auc.flatMap((auc) => wrap(`AUC ${number(auc.value, 3)}  ${auc.title}`, width, '           ')).join('\n'),
    );
  }
  const steps = data.run?.steps ?? [];
  if (steps.length > 0) parts.push(`${bold('Time')}\n${stepTable(steps, width)}`);
  return parts.join('\n\n');
}

/** Whether the model fits, before anything that it measured; in bold where it doesn't. */
function fitParagraphs(summary: Summary, width: number, bold: (text: string) => string): string[] {
  const [first, ...rest] = fitSentences(summary);
  if (first === undefined) return [];
  const lead = wrap(first, width);
  return [...(isReadable(summary) ? lead : lead.map(bold)), ...rest.flatMap((text) => wrap(text, width)), ''];
}

function necessityChart(summary: Summary, width: number, paint: (code: string, text: string) => string): string {
  const bins = mergeBins(summary.bins, Math.min(width, 80));
  const totals = bins.map((bin) => sum(bin.kept) + sum(bin.dropped));
  const top = Math.max(...totals, 1);
  const bars = ' ▁▂▃▄▅▆▇█';
  const lines = Array.from({ length: CHART_LINES }, (_, l) =>
    bins
      .map((bin, b) => {
        const eighths = totals[b]! === 0 ? 0 : Math.max(1, Math.round((8 * CHART_LINES * totals[b]!) / top));
        const level = Math.min(8, Math.max(0, eighths - 8 * (CHART_LINES - 1 - l)));
        return level === 0 ? ' ' : paint(HUE[mainClass(bin)], bars[level]!);
      })
      .join('')
      .trimEnd(),
  );
  const low = signed(bins[0]!.from, 1);
  const high = signed(bins[bins.length - 1]!.to, 1);
  const gap = Math.max(1, bins.length - low.length - high.length);
  const legend = [...summary.shownClasses]
    .reverse()
    .map((name) => `${paint(HUE[name], '■')} ${name} ${count(summary.classes?.[name] ?? 0)}`)
    .join(width < 60 ? '\n' : '   ');
  return [
    ...wrap('Necessity S = loss without the image - loss with it, nats/token', width),
    ...lines,
    `${low}${' '.repeat(gap)}${high}`,
    legend,
  ].join('\n');
}

/** Height of the histogram, lines. */
const CHART_LINES = 6;

function mainClass(bin: Bin): NecessityClass {
  const counts = CLASSES.map((_, c) => bin.kept[c]! + bin.dropped[c]!);
  return CLASSES[counts.indexOf(Math.max(...counts))]!;
}

function mergeBins(bins: readonly Bin[], columns: number): Bin[] {
  const step = Math.ceil(bins.length / columns);
  return Array.from({ length: Math.ceil(bins.length / step) }, (_, g) => {
    const group = bins.slice(g * step, (g + 1) * step);
    const add = (of: (bin: Bin) => readonly number[]): number[] =>
      CLASSES.map((_, c) => group.reduce((total, bin) => total + of(bin)[c]!, 0));
    return {
      from: group[0]!.from,
      to: group[group.length - 1]!.to,
      kept: add((b) => b.kept),
      dropped: add((b) => b.dropped),
    };
  });
}

function selectionTable(summary: Summary, width: number): string {
  const scored = summary.classes !== null;
  const names = summary.shownClasses;
  const head = [
    'selection',
    'kept',
    ...(scored ? ['mean S', ...names.map((name) => CLASS_TITLE[name].toLowerCase())] : []),
  ];
  const rows = summary.selections.map((row) => [
    row.title,
    row.kept === row.requested ? count(row.kept) : `${count(row.kept)}/${count(row.requested)}`,
    ...(scored ? [signed(row.meanNecessity), ...names.map((name) => percent(row.shares?.[name]))] : []),
  ]);
  for (const random of summary.random) {
    const range = (of: { lo: number; hi: number } | undefined): string =>
      of === undefined ? '–' : `${number(of.lo * 100, 1)}–${number(of.hi * 100, 1)} %`;
    rows.push([
      `random, ${random.name} (x${random.draws})`,
      count(random.size),
      ...(scored
        ? [
            random.meanNecessity === undefined
              ? '–'
              : `${signed(random.meanNecessity.lo)}..${signed(random.meanNecessity.hi)}`,
            ...names.map((name) => range(random.shares?.[name])),
          ]
        : []),
    ]);
  }
  return table(head, rows, width);
}

function faultTable(summary: Summary, width: number): string {
  const shown = summary.selections.slice(0, 4);
  const head = ['fault', 'planted', ...shown.map((row) => row.title), 'random'];
  const rows = summary.faults.map((fault) => [
    fault.title,
    count(fault.total),
    ...shown.map((_, s) => count(fault.kept[s]!)),
    fault.random === null
      ? '–'
      : `${number(fault.random.mean, 1)} (${number(fault.random.lo, 0)}–${number(fault.random.hi, 0)})`,
  ]);
  return table(head, rows, width);
}

function stepTable(steps: NonNullable<NonNullable<ReportData['run']>['steps']>, width: number): string {
  const rows = steps.map((step) => [
    step.name,
    step.cached === true ? 'done before' : duration(step.seconds),
    step.samples === undefined || step.cached === true || step.seconds === 0
      ? ''
      : `${count(step.samples / step.seconds)} samples/s`,
  ]);
  const total = steps.reduce((seconds, step) => seconds + (step.cached === true ? 0 : step.seconds), 0);
  return table(null, [...rows, ['total', duration(total), '']], width);
}

/** Columns aligned, the first to the left; heads are broken over lines, and cells where a line would be too long. */
function table(head: readonly string[] | null, rows: readonly (readonly string[])[], width: number): string {
  const all = [...(head === null ? [] : brokenHead(head, rows)), ...rows];
  return alignColumns(all, { width, right: (column) => column > 0 }).join('\n');
}

/** The head as lines, each word at its column's bottom, so that a long name doesn't widen a column of short numbers. */
function brokenHead(head: readonly string[], rows: readonly (readonly string[])[]): string[][] {
  const cells = head.map((text, c) => {
    const body = Math.max(0, ...rows.map((row) => [...(row[c] ?? '')].length));
    return wrap(text, Math.max(body, 10));
  });
  const height = Math.max(...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, l) => cells.map((lines) => lines[l - height + lines.length] ?? ''));
}

function wrap(text: string, width: number, indent = ''): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines[lines.length - 1];
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else if (word !== '') lines.push((lines.length > 0 ? indent : '') + word);
  }
  return lines;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
