import type { Interval } from '../../data.ts';
import { CLASS_READING, CLASS_TITLE, classMeaning, count, number, percent, signed } from '../../format.ts';
import { isReadable, selectionSentence } from '../../headline.ts';
import { h, mark } from '../../web/dom.ts';
import { fitBanner } from '../../web/fit-banner.ts';
import { masthead } from '../../web/frame.ts';
import { page, summary } from '../../web/state.ts';

/** Name, finding, selection and the key numbers. */
export function pageHeader(): HTMLElement {
  return h(
    'header',
    { class: 'page-head' },
    masthead('visual necessity report'),
    h('h1', null, summary.title),
    page.subtitle === null ? null : h('p', { class: 'subtitle' }, page.subtitle),
    summary.stale === null ? null : h('p', { class: 'fit warning', role: 'note' }, summary.stale),
    summary.classes === null ? null : fitBanner(summary.fit),
    summary.classes === null || isReadable(summary) ? lede() : null,
    classBar(),
    summary.selections.length === 0 ? null : h('p', { class: 'selection-line' }, selectionSentence(summary)),
    keyNumbers(),
  );
}

function lede(): HTMLElement {
  const { classes, total, scored } = summary;
  if (classes === null) {
    const main = summary.selections[0];
    return h(
      'p',
      { class: 'lede' },
      main === undefined
        ? `${count(total)} samples were looked at; none has been scored for visual necessity yet.`
        : `${count(main.kept)} of ${count(total)} samples were kept by ${main.title}.`,
    );
  }
  const parts = summary.shownClasses.map((name, i) => [
    i === 0 ? '' : '; ',
    h('span', { class: `said ${name}` }, h('b', null, count(classes[name])), ` ${CLASS_READING[name]}`),
  ]);
  return h(
    'p',
    { class: 'lede' },
    `Of ${count(total)} samples, `,
    ...parts.flat(),
    scored < total ? `; ${count(total - scored)} could not be scored.` : '.',
  );
}

/** The whole pool as one bar: classes side by side, the kept part of each filled. */
function classBar(): HTMLElement | null {
  const { classes } = summary;
  if (classes === null) return null;
  const main = summary.selections[0];
  const pieces = summary.shownClasses.map((name) => {
    const kept = main === undefined ? classes[name] : (main.classes?.[name] ?? 0);
    return { name, kept, total: classes[name] };
  });
  const selected = main !== undefined;
  return h(
    'div',
    { class: 'class-bar' },
    h(
      'div',
      { class: 'strip', 'aria-hidden': 'true' },
      pieces
        .filter(({ total }) => total > 0)
        .map((p) =>
          h(
            'div',
            { class: `piece ${p.name}`, style: `flex-grow:${p.total}` },
            h('div', { class: 'in', style: `width:${p.total === 0 ? 0 : (100 * p.kept) / p.total}%` }),
          ),
        ),
    ),
    h(
      'ul',
      { class: 'key' },
      pieces.map((p) =>
        h(
          'li',
          null,
          mark(p.name, true),
          h('b', null, CLASS_TITLE[p.name]),
          ` ${count(p.total)}${selected ? `, ${count(p.kept)} kept` : ''} `,
          h('span', { class: 'quiet' }, classMeaning(p.name, isReadable(summary))),
        ),
      ),
    ),
  );
}

function keyNumbers(): HTMLElement | null {
  const main = summary.selections[0];
  if (main === undefined) return null;
  const random = summary.random[0];
  const cards: HTMLElement[] = [
    h(
      'div',
      { class: 'tile' },
      h('dt', null, 'Samples kept'),
      h(
        'dd',
        null,
        h('b', null, count(main.kept)),
        h('span', { class: 'quiet' }, `of ${count(main.requested)} asked for, ${count(summary.total)} in the pool`),
      ),
    ),
  ];
  if (main.meanNecessity !== null) {
    cards.push(
      tile('Mean necessity', signed(main.meanNecessity), 'nats/token', main.meanNecessity, random?.meanNecessity, (v) =>
        signed(v),
      ),
    );
  }
  for (const name of summary.shownClasses) {
    if (main.shares === null) continue;
    cards.push(
      tile(
        `${CLASS_TITLE[name]} share`,
        percent(main.shares[name]),
        '',
        main.shares[name],
        random?.shares?.[name],
        (v) => percent(v),
        name,
      ),
    );
  }
  return h(
    'div',
    null,
    h('dl', { class: 'tiles' }, cards),
    random === undefined
      ? null
      : h(
          'p',
          { class: 'quiet small' },
          `Grey bands: ${random.draws} random subsets of ${count(random.size)} samples (${random.name}), mean and 95 % interval. Dots: ${main.title}.`,
        ),
  );
}

function tile(
  title: string,
  value: string,
  unit: string,
  at: number,
  random: Interval | undefined,
  format: (v: number) => string,
  name = '',
): HTMLElement {
  return h(
    'div',
    { class: 'tile' },
    h('dt', null, title),
    h(
      'dd',
      null,
      h('span', null, h('b', null, value), unit === '' ? null : h('span', { class: 'quiet' }, ` ${unit}`)),
      random === undefined ? null : intervalStrip(at, random, name),
      random === undefined
        ? null
        : h(
            'span',
            { class: 'quiet' },
            `random ${format(random.mean)}`,
            h('span', { class: 'block' }, `${format(random.lo)} to ${format(random.hi)}`),
          ),
    ),
  );
}

/** A line from 0 (or the lowest value) to the highest, with random's interval as a band and the value as a dot. */
function intervalStrip(at: number, random: Interval, name: string): HTMLElement {
  const low = Math.min(0, at, random.lo);
  const high = Math.max(at, random.hi, low + 1e-9) * 1.04;
  const x = (v: number): string => number((100 * (v - low)) / (high - low), 2).replace('−', '-');
  return h(
    'span',
    { class: 'strip-line', 'aria-hidden': 'true' },
    h('span', { class: 'band', style: `left:${x(random.lo)}%;width:max(3px,${x(random.hi - random.lo + low)}%)` }),
    h('span', { class: `dot ${name}`, style: `left:${x(at)}%` }),
  );
}
