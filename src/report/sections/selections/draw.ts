import type { NecessityClass } from '../../../select/kit/necessity-class.ts';
import { count, optionsText, percent, signed } from '../../format.ts';
import type { SelectionRow } from '../../summary.ts';
import { h, mark, section, table } from '../../web/dom.ts';
import { summary } from '../../web/state.ts';

interface Row {
  title: string;
  name: string;
  options: string;
  kept: string;
  mean: string;
  shares: Partial<Record<NecessityClass, number>> | null;
  note: string;
  overlap: string[];
}

/** Every selection of the same pool beside random. */
export function selections(): HTMLElement | null {
  if (summary.selections.length === 0) return null;
  const scored = summary.classes !== null;
  const main = summary.selections[0]!;
  const rows: Row[] = summary.selections.map((selection) => ({
    title: selection.title,
    name: selection.name,
    options: optionsText({ ...selection.options, seed: selection.seed }),
    kept:
      selection.kept === selection.requested
        ? count(selection.kept)
        : `${count(selection.kept)} of ${count(selection.requested)}`,
    mean: signed(selection.meanNecessity),
    shares: selection.shares,
    note:
      selection.shortfall === null
        ? ''
        : `${count(selection.shortfall.missing)} missing: ${selection.shortfall.because}`,
    overlap: shared(selection),
  }));
  for (const random of summary.random) {
    rows.push({
      title: `Random, ${random.name}`,
      name: '',
      options: `${random.draws} seeds`,
      kept: count(random.size),
      mean:
        random.meanNecessity === undefined
          ? '–'
          : `${signed(random.meanNecessity.mean)} (${signed(random.meanNecessity.lo)} to ${signed(random.meanNecessity.hi)})`,
      shares:
        random.shares === undefined
          ? null
          : Object.fromEntries(Object.entries(random.shares).map(([name, share]) => [name, share.mean])),
      note: '',
      overlap: [],
    });
  }
  return section(
    'selections',
    'All selections side by side',
    `The same pool, chosen in ${count(summary.selections.length)} ${summary.selections.length === 1 ? 'way' : 'ways'}.`,
    h(
      'div',
      { class: 'wide-table' },
      table<Row>(
        'Selections',
        [
          {
            label: 'Selection',
            cell: (r) => [
              h('b', null, r.title),
              r.name === '' || r.name === r.title ? null : h('span', { class: 'quiet block' }, r.name),
              h('span', { class: 'quiet block options' }, r.options),
              r.note === '' ? null : h('span', { class: 'quiet block' }, r.note),
            ],
          },
          { label: 'Kept', numeric: true, cell: (r) => r.kept },
          ...(scored
            ? [
                { label: 'Mean necessity', numeric: true, cell: (r: Row) => r.mean },
                { label: 'Share of each class', cell: (r: Row) => classStrip(r.shares) },
              ]
            : []),
          ...(summary.selections.length > 1
            ? [
                {
                  label: 'Also kept by',
                  kind: 'also-kept',
                  cell: (r: Row) =>
                    r.overlap.length === 0 ? '–' : r.overlap.map((text) => h('span', { class: 'block' }, text)),
                },
              ]
            : []),
        ],
        rows,
      ),
    ),
    main.kept === 0 ? h('p', { class: 'quiet' }, 'The main selection is empty.') : null,
  );
}

/** Share of the selection's samples that each other selection kept too. */
function shared(selection: SelectionRow): string[] {
  return summary.selections.flatMap((other, o) =>
    other.name === selection.name
      ? []
      : [`${percent(selection.overlap[o]! / Math.max(1, selection.kept), 0)} ${other.title}`],
  );
}

function classStrip(shares: Row['shares']): HTMLElement | string {
  if (shares === null) return '–';
  return h(
    'span',
    { class: 'class-strip' },
    h(
      'span',
      { class: 'strip', 'aria-hidden': 'true' },
      summary.shownClasses
        .filter((name) => (shares[name] ?? 0) > 0)
        .map((name) => h('span', { class: `piece full ${name}`, style: `flex-grow:${shares[name]}` })),
    ),
    h(
      'span',
      { class: 'small shares' },
      summary.shownClasses.map((name) => h('span', null, mark(name, null), percent(shares[name]))),
    ),
  );
}
