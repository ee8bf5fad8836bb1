import { count, number, percent, shorten } from '../../../format.ts';
import { h } from '../../../web/dom.ts';
import { masthead } from '../../../web/frame.ts';
import { page, result } from '../../web/data.ts';

/** Name, what was found, key numbers. */
export function header(): HTMLElement {
  return h(
    'header',
    { class: 'page-head' },
    masthead('arena'),
    h('h1', null, result.dataset),
    h('p', { class: 'subtitle' }, `${count(result.rows)} rows, ${result.budget} kept, seed ${result.seed}`),
    h('p', { class: 'lede' }, ...lede()),
    page.budget === undefined ? null : h('p', { class: 'quiet after' }, page.budget),
    tiles(),
  );
}

function lede(): (string | Node)[] {
  const pairs = pairsByOverlap();
  const many = result.methods.length;
  if (pairs.length === 0) {
    return [
      many === 0
        ? result.missing.length > 0
          ? 'No method could run yet: their signals are missing.'
          : 'No method could run.'
        : `One method chose ${count(result.methods[0]!.kept)} of ${count(result.eligible)} rows.`,
    ];
  }
  // That a method and its variant agree is no news, unless there is nothing else to tell.
  const strangers = pairs.filter(({ methods: [a, b] }) => a !== b);
  const told = strangers.length > 0 ? strangers : pairs;
  const [most, least] = [told[0]!, told.at(-1)!];
  return [
    `${count(many)} methods, one budget: `,
    named(most.names[0]),
    ' and ',
    named(most.names[1]),
    ` agree on ${unbroken(percent(most.jaccard, 0))}`,
    ...(told.length > 1
      ? ['; ', named(least.names[0]), ' and ', named(least.names[1]), ` on ${unbroken(percent(least.jaccard, 0))}`]
      : []),
    '.',
  ];
}

const unbroken = (text: string): string => text.replaceAll(' ', '\u00a0');

/** Names of composed entries are as long as they like, and this stands in large letters. */
function named(id: string): HTMLElement {
  return h('b', { title: id }, shorten(id, 28));
}

interface Pair {
  names: [string, string];
  methods: [string, string];
  jaccard: number;
}

function pairsByOverlap(): Pair[] {
  const entries = result.methods;
  return entries
    .flatMap((a, i) =>
      entries.slice(i + 1).map(
        (b, j): Pair => ({
          names: [a.id, b.id],
          methods: [a.method, b.method],
          jaccard: result.overlap.jaccard[i]![i + 1 + j]!,
        }),
      ),
    )
    .filter(({ jaccard }) => jaccard !== null)
    .sort((a, b) => b.jaccard - a.jaccard);
}

function tiles(): HTMLElement {
  const tile = (label: string, value: string, note: string): HTMLElement =>
    h(
      'div',
      { class: 'tile' },
      h('dt', null, label),
      h('dd', null, h('b', null, value), h('span', { class: 'quiet' }, note)),
    );
  const pairs = pairsByOverlap();
  const mean = pairs.reduce((sum, { jaccard }) => sum + jaccard, 0) / Math.max(1, pairs.length);
  const chance = result.overlap.jaccard[result.methods.length]?.[result.methods.length];
  const far = result.methods.filter(({ distance }) => distance.adjusted < 0.05).length;
  return h(
    'dl',
    { class: 'tiles' },
    tile(
      'Methods that ran',
      count(result.methods.length),
      `${count(page.missing.length)} lack signals${result.failed.length > 0 ? `, ${count(result.failed.length)} failed` : ''}`,
    ),
    tile(
      'Rows each',
      `${result.cost === undefined ? '' : '≈ '}${count(result.requested)}`,
      `of ${count(result.eligible)} that can be chosen${result.cost === undefined ? '' : ', of average length'}`,
    ),
    pairs.length === 0
      ? tile('Overlap', '–', 'needs two methods')
      : tile('Mean overlap', percent(mean), `two random subsets: ${percent(chance)}`),
    tile('Not like random', number(far, 0), `of ${count(result.methods.length)} methods (p < 0.05 after Holm)`),
  );
}
