import { append, h, replace } from '../../web/dom.ts';
import { footer, type Section, sectionsAndNav } from '../../web/frame.ts';
import { composition } from '../sections/composition/draw.ts';
import { distance } from '../sections/distance/draw.ts';
import { header } from '../sections/header/draw.ts';
import { methodView } from '../sections/method/draw.ts';
import { heat } from '../sections/overlap/draw.ts';
import { faults, findings, signals } from '../sections/quantities/draw.ts';
import { absent, cost, sideBySide } from '../sections/side-by-side/draw.ts';
import { addressOf, result } from './data.ts';

const sections: Section[] = [
  ['Side by side', sideBySide()],
  ['Overlap', heat()],
  ['Composition', composition()],
  ['Signals', signals()],
  ['Doctor', findings()],
  ['Faults', faults()],
  ['Distance', distance()],
  ['Cost', cost()],
  ['Not run', absent()],
];
const { elements, nav } = sectionsAndNav(sections);
const top = header();
const overview = h('div', null, elements);
const own = h('div', { hidden: true });

/** The overview, or the page of the method that the address names. */
function route(): void {
  const method = result.methods.find(({ id }) => addressOf(id) === location.hash);
  const isOwn = method !== undefined;
  for (const part of [top, nav, overview]) part.hidden = isOwn;
  own.hidden = !isOwn;
  if (method === undefined) {
    const target = location.hash === '' ? null : document.getElementById(location.hash.slice(1));
    target?.scrollIntoView();
    return;
  }
  replace(own, methodView(method));
  scrollTo(0, 0);
  document.getElementById('method-title')?.focus({ preventScroll: true });
}

append(document.body, [
  h('a', { class: 'skip', href: '#content' }, 'Skip to the comparison'),
  top,
  nav,
  h('main', { id: 'content', tabindex: -1 }, overview, own),
  footer(),
]);
addEventListener('hashchange', route);
route();
