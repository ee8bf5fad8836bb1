import type { GalleryGroup } from '../../data.ts';
import { count } from '../../format.ts';
import { card } from '../../web/card.ts';
import { append, h, section, uid } from '../../web/dom.ts';
import { page } from '../../web/state.ts';
import { tokenLegend } from '../../web/tokens.ts';

/** Cards of a group shown before the reader asks for more: one row of them, or two cards on a phone. */
const FIRST = innerWidth < 600 ? 2 : Math.max(2, Math.floor((Math.min(1120, innerWidth) - 60) / 256));

/** Samples at the extremes, and those that could not be read. */
export function gallery(): HTMLElement | null {
  const groups = page.groups.filter((group) => group.rows.length > 0);
  if (groups.length === 0) return null;
  const tokens = page.gallery.some((sample) => sample.tokens !== undefined);
  return section(
    'samples',
    'Samples at the extremes',
    'Look at them before you trust any number.',
    tokens ? tokenLegend() : null,
    groups.map(groupOf),
  );
}

function groupOf(group: GalleryGroup): HTMLElement {
  const id = uid('group');
  const grid = h('div', { class: 'cards', id });
  append(
    grid,
    group.rows.slice(0, FIRST).map((i) => card(i, 'h4')),
  );
  const rest = group.rows.slice(FIRST);
  const more = h(
    'button',
    { type: 'button', 'aria-expanded': 'false', 'aria-controls': id },
    `Show ${count(rest.length)} more`,
  );
  let open = false;
  more.addEventListener('click', () => {
    open = !open;
    if (open)
      append(
        grid,
        rest.map((i) => card(i, 'h4')),
      );
    else while (grid.children.length > FIRST) grid.lastElementChild!.remove();
    more.setAttribute('aria-expanded', String(open));
    more.textContent = open ? 'Show fewer' : `Show ${count(rest.length)} more`;
  });
  return h(
    'div',
    { class: `group ${group.class ?? ''}` },
    h('h3', null, group.title),
    h('p', { class: 'quiet' }, group.about),
    grid,
    rest.length === 0 ? null : more,
  );
}
