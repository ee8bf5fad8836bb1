import { append, h, replace } from '../dom.ts';
import { footer, type Section, sectionsAndNav } from '../frame.ts';
import { addressOf, result } from './data.ts';
import { distance } from './distance.ts';
import { head } from './head.ts';
import { heat } from './heat.ts';
import { makeup } from './makeup.ts';
import { methodView } from './method.ts';
import { absent, cost, sideBySide } from './side.ts';
import { faults, findings, signals } from './signals.ts';

const sections: Section[] = [
  ['Side by side', sideBySide()],
  ['Overlap', heat()],
  ['Make-up', makeup()],
  ['Signals', signals()],
  ['Doctor', findings()],
  ['Faults', faults()],
  ['Distance', distance()],
  ['Cost', cost()],
  ['Absent', absent()],
];
const { elements, nav } = sectionsAndNav(sections);
const top = head();
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
