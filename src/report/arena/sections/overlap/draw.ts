import { count, number, percent, shorten } from '../../../format.ts';
import { h, replace, section } from '../../../web/dom.ts';
import { addressOf, result } from '../../web/data.ts';
import { type MatrixCell, matrix } from '../../web/matrix.ts';

const { overlap, methods } = result;
/** More than this stand closer together, so that the table fits on a page. */
const MANY = 24;

type Measure = 'jaccard' | 'ratio';

/** Which methods choose the same rows. */
export function heat(): HTMLElement | null {
  if (methods.length === 0) return null;
  const host = h('div');
  const buttons = (['jaccard', 'ratio'] as const).map((measure) =>
    h(
      'button',
      { type: 'button', 'aria-pressed': String(measure === 'jaccard'), onclick: () => show(measure) },
      measure === 'jaccard' ? 'Jaccard, %' : 'Times chance',
    ),
  );
  const show = (measure: Measure): void => {
    buttons.forEach((button, i) => {
      button.setAttribute('aria-pressed', String((i === 0) === (measure === 'jaccard')));
    });
    replace(host, table(measure));
  };
  show('jaccard');
  const chance = overlap.jaccard[methods.length]?.[methods.length];
  return section(
    'overlap',
    'Overlap of the methods',
    `Of the rows that either of two methods keeps, the share that both keep (Jaccard). Two random subsets of this size share ${percent(chance)}; “times chance” is how many more rows two methods share than such subsets would. Blue is more than chance, red is less. Alike methods stand together. Point at a cell, or focus the table and use the arrow keys.`,
    h('div', { class: 'switch', role: 'group', 'aria-label': 'Measure of overlap' }, buttons),
    host,
  );
}

function table(measure: Measure): HTMLElement {
  const { order, names } = overlap;
  const lines = order.map((a) => ({
    head: a < methods.length ? h('a', { href: addressOf(names[a]!) }, names[a]!) : names[a]!,
    isBaseline: a >= methods.length,
    cells: order.map((b) => cell(a, b, measure)),
  }));
  const columns = order.map((b) => ({ label: shorten(names[b]!, 22), title: names[b]! }));
  return matrix(
    'Overlap of every pair of methods',
    '',
    columns,
    lines,
    names.length > MANY ? 'heat tall many' : 'heat tall',
  );
}

function cell(a: number, b: number, measure: Measure): MatrixCell {
  const value = overlap[measure][a]![b]!;
  const title = `${overlap.names[a]} and ${overlap.names[b]}: ${count(overlap.both[a]![b]!)} rows in both, Jaccard ${percent(overlap.jaccard[a]![b])}, ${number(overlap.ratio[a]![b])} times chance`;
  if (a === b && a < methods.length) return { text: '·', title };
  // Half as many as chance is as far from it as twice as many.
  const most = Math.log2(Math.max(2, result.eligible / Math.max(1, result.requested)));
  const times = overlap.ratio[a]![b]!;
  const text = measure === 'jaccard' ? number(100 * value, 0) : number(value, 1);
  return { text, tint: times <= 0 ? -1 : Math.log2(times) / most, title };
}
