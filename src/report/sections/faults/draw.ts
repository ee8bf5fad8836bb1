import { count, number, percent } from '../../format.ts';
import { ownClusterFindings } from '../../headline.ts';
import type { FaultRow } from '../../summary.ts';
import { h, section, table } from '../../web/dom.ts';
import { summary } from '../../web/state.ts';

/** What each selection kept of each planted fault. */
export function faults(): HTMLElement | null {
  if (summary.faults.length === 0) return null;
  const shown = summary.selections.slice(0, 5);
  const random = summary.random[0];
  const top = Math.max(
    0.01,
    ...summary.faults.flatMap((fault) =>
      [...fault.kept.slice(0, shown.length), fault.random?.hi ?? 0].map((n) => n / Math.max(1, fault.total)),
    ),
  );
  return section(
    'faults',
    'Planted faults, and how many each selection kept',
    'These samples were made faulty on purpose, so that anybody can check what a selection does with them. Shorter is better. ' +
      (random === undefined
        ? ''
        : `The grey band is the 95 % interval of ${random.draws} random subsets of the same size, the line in it their mean.`),
    callouts(),
    h(
      'div',
      { class: 'wide-table' },
      table<FaultRow>(
        'Samples of each fault kept by each selection',
        [
          {
            label: 'Fault',
            cell: (f) => [
              h('b', null, f.title),
              h('span', null, ` ${count(f.total)} planted`),
              f.about === null ? null : h('span', { class: 'quiet block' }, f.about),
            ],
          },
          ...shown.map((selection, s) => ({ label: selection.title, cell: (f: FaultRow) => keptBar(f, s, top) })),
          {
            label: 'Random subsets',
            numeric: true,
            cell: (f) =>
              f.random === null
                ? '–'
                : [
                    h('b', null, number(f.random.mean, 1)),
                    h('span', { class: 'quiet block' }, `${number(f.random.lo, 0)} to ${number(f.random.hi, 0)}`),
                  ],
          },
        ],
        summary.faults,
        'faults-table',
      ),
    ),
    aucList(),
  );
}

function callouts(): HTMLElement | null {
  const findings = ownClusterFindings(summary);
  if (findings.length === 0) return null;
  return h(
    'aside',
    { class: 'callout', 'aria-label': 'Where a method fails' },
    h('h3', null, 'Where a method fails'),
    findings.map((text) => h('p', null, text)),
  );
}

function keptBar(fault: FaultRow, s: number, top: number): (HTMLElement | null)[] {
  const kept = fault.kept[s]!;
  const x = (n: number): number => (100 * n) / Math.max(1, fault.total) / top;
  const ratio =
    fault.random === null || fault.random.mean <= 0
      ? ''
      : `${number(kept / fault.random.mean, kept > 0 && kept < fault.random.mean / 10 ? 2 : 1)}× random`;
  return [
    h(
      'span',
      { class: 'kept-bar', 'aria-hidden': 'true' },
      fault.random === null
        ? null
        : h('span', {
            class: 'band',
            style: `left:${Math.max(0, x(fault.random.lo))}%;right:${Math.max(0, 100 - x(fault.random.hi))}%`,
          }),
      kept === 0 ? null : h('span', { class: 'fill', style: `width:${x(kept)}%` }),
      fault.random === null ? null : h('span', { class: 'mean', style: `left:${x(fault.random.mean)}%` }),
    ),
    h(
      'span',
      { class: 'block' },
      h('b', null, count(kept)),
      h('span', { class: 'quiet small' }, ` · ${percent(kept / Math.max(1, fault.total), 0)}`),
    ),
    ratio === '' ? null : h('span', { class: 'quiet small block' }, ratio),
  ];
}

function aucList(): HTMLElement | null {
  if (summary.auc.length === 0) return null;
  return h(
    'div',
    null,
    h('h3', null, 'How well necessity tells them apart'),
    h(
      'p',
      { class: 'quiet small' },
      'Area under the ROC curve: the chance that a pair is put in the right order. 0.5 is guessing, 1 is perfect.',
    ),
    h(
      'dl',
      { class: 'auc' },
      summary.auc.map((auc) =>
        h(
          'div',
          null,
          h(
            'dt',
            null,
            auc.title,
            auc.positives === undefined || auc.negatives === undefined
              ? null
              : h('span', { class: 'quiet' }, ` (${count(auc.positives)} against ${count(auc.negatives)})`),
          ),
          h(
            'dd',
            null,
            h(
              'span',
              { class: 'meter', 'aria-hidden': 'true' },
              h('span', { style: `width:${Math.max(0, (auc.value - 0.5) * 200)}%` }),
            ),
            h('b', null, number(auc.value, 3)),
          ),
        ),
      ),
    ),
  );
}
