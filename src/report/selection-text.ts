import { commandLine } from '../base/cli-flags.ts';
import type { CompositionRecord } from '../select/compose/record.ts';
import type { Explanation } from '../select/explain.ts';
import type { SelectResult } from '../select/run.ts';
import { fitLines } from '../signals/fit/judge.ts';
import { CLASS_TITLE, CLASSES, count, number, percent, shorten, signed } from './format.ts';
import { textTable as table } from './text-table.ts';

const LABELS: Record<string, string> = {
  necessity: 'mean necessity',
  ...Object.fromEntries(CLASSES.map((name) => [name, CLASS_TITLE[name].toLowerCase()])),
};

/** Statistic of a subset for people: shares as per cent, necessity in nats/token. */
function shown(name: string, value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return '-';
  return name === 'necessity' ? signed(value) : percent(value);
}

/** What `winnow select` prints: the selection beside the whole data set and the random subsets of its size. */
export function selectionText(result: SelectResult, width = Number.POSITIVE_INFINITY): string {
  const { statistics } = result;
  const names = Object.keys(statistics.selection).filter(
    (name) => name in LABELS || Object.keys(statistics.selection).length < 24,
  );
  const interval = (kind: (typeof statistics.random)[number], name: string) => {
    const found = kind.statistics[name];
    return found === undefined || !Number.isFinite(found.mean)
      ? '-'
      : `${shown(name, found.mean)} [${shown(name, found.lo)}, ${shown(name, found.hi)}]`;
  };
  const rows = [
    [
      '',
      'data set',
      'selection',
      ...statistics.random.map((kind) => `random ${kind.kind} (${kind.seeds} seeds, mean [95 %])`),
    ],
    ...names.map((name) => [
      LABELS[name] ?? name.replace('source/', 'from '),
      shown(name, statistics.pool[name]),
      shown(name, statistics.selection[name]),
      ...statistics.random.map((kind) => interval(kind, name)),
    ]),
  ];
  return [
    ...(result.fit === undefined ? [] : [...fitLines(result.fit), '']),
    `${result.name}: ${count(result.returned)} of ${count(result.rows)} samples kept by ${result.method} (${count(result.requested)} asked for, budget ${result.budget}).`,
    ...(result.shortfall === undefined
      ? []
      : [`${count(result.shortfall.missing)} fewer than asked for: ${result.shortfall.because}.`]),
    ...(result.composition === undefined ? [] : compositionLines(result.composition)),
    ...result.notes,
    '',
    ...table(rows, width),
    '',
    result.saved
      ? `Saved. winnow explain ID tells why a sample was kept or dropped; ${commandLine(['export', result.name])} writes the subset.`
      : 'Dry run: nothing was saved.',
  ].join('\n');
}

/** How a selection was put together: its stages, lists, rules for sources and cost. */
export function compositionLines({ stages, from, alwaysKeep, neverKeep, sources, cost }: CompositionRecord): string[] {
  const list = (given: readonly string[]): string => shorten(given.join(', '), 60);
  return [
    ...(from === undefined ? [] : [`From the ${count(from.rows)} samples of ${from.selection}.`]),
    ...(stages.length === 1
      ? []
      : stages.map(
          ({ method, arrived, kept }, s) =>
            `Stage ${s + 1}, ${method}: ${count(kept)} kept, ${count(arrived)} reached it.`,
        )),
    ...(alwaysKeep === undefined ? [] : [`Always kept: ${count(alwaysKeep.rows)} (${list(alwaysKeep.given)}).`]),
    ...(neverKeep === undefined ? [] : [`Never kept: ${count(neverKeep.rows)} (${list(neverKeep.given)}).`]),
    ...(sources ?? []).map(({ source, least, most, kept }) => {
      const due =
        least === most
          ? `exactly ${count(least)}`
          : [
              ...(least > 0 ? [`at least ${count(least)}`] : []),
              ...(most === null ? [] : [`at most ${count(most)}`]),
            ].join(', ');
      return `From ${source}: ${count(kept)} kept, ${due} due.`;
    }),
    ...(cost === undefined
      ? []
      : [
          `${count(cost.spent)} of ${count(cost.limit)} tokens (${cost.tokens}); ${number(cost.gpuHours, cost.gpuHours < 1 ? 4 : 1)} GPU-hours (${cost.assumptions}).`,
        ]),
  ];
}

/** What `winnow explain` prints. */
export function explanationText(explanation: Explanation, width = Number.POSITIVE_INFINITY): string {
  const { reason, cluster, measured } = explanation;
  const measures = Object.entries(measured).map(([name, value]) => [
    name,
    Number.isInteger(value) ? count(value) : number(value, 3),
  ]);
  return [
    ...(explanation.stale === undefined ? [] : [explanation.stale, '']),
    ...(explanation.fit === undefined ? [] : [...fitLines(explanation.fit), '']),
    `${explanation.id}  ${explanation.kept ? 'KEPT' : 'DROPPED'} by ${explanation.selection}`,
    `  ${explanation.because}`,
    '',
    ...(explanation.images.length === 0 ? [] : [`  image     ${explanation.images.join(', ')}`]),
    `  question  ${shorten(explanation.question, 300)}`,
    `  answer    ${shorten(explanation.answer, 300)}`,
    ...(explanation.source === null ? [] : [`  source    ${explanation.source}`]),
    ...(measures.length === 0 ? [] : ['', ...table(measures, width)]),
    ...(cluster === undefined
      ? []
      : [
          '',
          `  cluster ${cluster.cluster}: ${count(cluster.size)} samples, ${count(cluster.candidates)} candidates, ${count(cluster.quota)} due, ${count(cluster.kept)} kept${reason.rank === undefined ? '' : `; this one ranks ${count(reason.rank)}`}`,
        ]),
    ...(explanation.neighbours.length === 0
      ? []
      : [
          '',
          '  nearest kept samples (cosine of the instructions)',
          ...table(
            explanation.neighbours.map((near) => [near.id, number(near.similarity, 3), shorten(near.question, 60)]),
            width,
          ),
        ]),
  ].join('\n');
}
