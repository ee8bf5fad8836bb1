import type { Composition } from '../../../../experiment/arena/result.ts';
import { number, percent, shorten } from '../../../format.ts';
import { h, section } from '../../../web/dom.ts';
import { addressOf, result } from '../../web/data.ts';
import { type MatrixCell, type MatrixLine, matrix } from '../../web/matrix.ts';

/** Groups shown; the largest of the pool. */
const MOST = 24;

/** What each subset is made of. */
export function composition(): HTMLElement | null {
  if (result.compositions.length === 0 || result.methods.length === 0) return null;
  return section(
    'composition',
    'Composition of each subset',
    'Share of each group in the subset, tinted by how it compares with the pool: blue is more, red is less. A method that looks good may simply like one source.',
    ...result.compositions.flatMap((composition) => [
      h('h3', null, composition.name === 'source' ? 'By source' : 'By kind of question'),
      composition.name === 'source'
        ? null
        : h('p', { class: 'quiet' }, 'One clustering of the instructions for all methods, named by its words.'),
      table(composition),
    ]),
  );
}

function table({ name, labels, pool, random }: Composition): HTMLElement {
  const shown = labels
    .map((_, g) => g)
    .sort((a, b) => pool[b]! - pool[a]! || a - b)
    .slice(0, MOST);
  const columns = shown.map((g) => ({ label: shorten(labels[g]!, 28), title: labels[g]! }));
  const lines: MatrixLine[] = [
    { head: 'pool', isBaseline: true, cells: shown.map((g) => ({ text: percent(pool[g]) })) },
    {
      head: 'random',
      isBaseline: true,
      cells: shown.map((g) => ({
        text: percent(random[g]!.mean),
        title: `95 % of random subsets: ${percent(random[g]!.lo)} to ${percent(random[g]!.hi)}`,
      })),
    },
    ...result.methods.map((method) => ({
      head: h('a', { href: addressOf(method.id) }, method.id),
      cells: shown.map((g) => share(method.shares[name]![g]!, pool[g]!, labels[g]!, method.id)),
    })),
  ];
  const rest = labels.length - shown.length;
  return h(
    'div',
    null,
    matrix(`Composition by ${name}`, '', columns, lines, name === 'cluster' ? 'tall' : ''),
    rest > 0
      ? h('p', { class: 'quiet small' }, `${rest} smaller groups are in the table that lies beside this page.`)
      : null,
  );
}

function share(value: number, of: number, label: string, id: string): MatrixCell {
  const times = of === 0 ? Number.NaN : value / of;
  return {
    text: percent(value),
    tint: times <= 0 ? -1 : Math.log2(times) / 2,
    title: `${id}, ${label}: ${number(times)} times its share of the pool`,
  };
}
