import { count, number, percent, shorten } from '../../../format.ts';
import { h } from '../../../web/dom.ts';
import { fitBanner } from '../../../web/fit-banner.ts';
import { masthead } from '../../../web/frame.ts';
import { addressOf, breakable, page, result } from '../../web/data.ts';

/** Name, what was found, key numbers. */
export function header(): HTMLElement {
  return h(
    'header',
    { class: 'page-head' },
    masthead('arena'),
    h('h1', null, result.dataset),
    h('p', { class: 'subtitle' }, `${count(result.rows)} rows, ${result.budget} kept, seed ${result.seed}`),
    result.fit === undefined ? null : fitBanner(result.fit),
    h('p', { class: 'lede' }, ...lede()),
    advice(),
    page.budget === undefined ? null : h('p', { class: 'quiet after' }, page.budget),
    tiles(),
  );
}

function lede(): (string | Node)[] {
  const many = result.methods.length;
  const { first, unlikeRandom } = page.advice;
  if (many === 0)
    return [result.missing.length > 0 ? 'No method could run yet: their signals are missing.' : 'No method could run.'];
  if (first === null)
    return [`None of ${count(many)} ${many === 1 ? 'method' : 'methods'} differs from random by more than chance.`];
  return [
    `${count(unlikeRandom.length)} of ${count(many)} ${many === 1 ? 'method' : 'methods'} differ from random. Try `,
    named(first),
    ' first.',
  ];
}

/** Which methods differ most from random, which one to try first, and why. */
function advice(): HTMLElement | null {
  if (result.methods.length === 0) return null;
  const { first, why, unlikeRandom } = page.advice;
  return h(
    'aside',
    { class: 'callout advice', 'aria-label': 'Which method to try first' },
    h('h2', null, 'Which to try first'),
    first === null
      ? null
      : h('p', null, h('a', { href: addressOf(first) }, h('b', null, breakable(first))), ', because:'),
    h(
      'ul',
      { class: 'limits' },
      why.map((text) => h('li', null, text)),
    ),
    unlikeRandom.length < 2
      ? null
      : [
          h('h2', null, 'Furthest from random'),
          h(
            'ol',
            { class: 'limits' },
            unlikeRandom
              .slice(0, 5)
              .map(({ id, words }) => h('li', null, h('a', { href: addressOf(id) }, breakable(id)), `: ${words}`)),
          ),
        ],
    agreement(),
  );
}

/** The two methods that agree most and the two that agree least. */
function agreement(): HTMLElement | null {
  const pairs = pairsByOverlap();
  // That a method and its variant agree is no news, unless there is nothing else to tell.
  const strangers = pairs.filter(({ methods: [a, b] }) => a !== b);
  const told = strangers.length > 0 ? strangers : pairs;
  if (told.length === 0) return null;
  const words = ({ names, jaccard }: Pair): (string | Node)[] => [
    named(names[0]),
    ' and ',
    named(names[1]),
    ` share ${unbroken(percent(jaccard, 0))}`,
  ];
  const rest = told.length > 1 ? ['; ', ...words(told.at(-1)!)] : [];
  return h('p', { class: 'small' }, 'Of the rows that either keeps, ', ...words(told[0]!), ...rest, '.');
}

const unbroken = (text: string): string => text.replaceAll(' ', '\u00a0');

/** Names of composed entries are as long as they like, and this stands in large letters. */
function named(id: string): HTMLElement {
  return h('b', { title: id }, breakable(shorten(id, 28)));
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
