import type { GalleryGroup } from '../../data.ts';
import { count } from '../../format.ts';
import { card } from '../../web/card.ts';
import { append, h, section, table, uid } from '../../web/dom.ts';
import { page, summary } from '../../web/state.ts';
import { tokenLegend } from '../../web/tokens.ts';

/** Cards of a group shown before the reader asks for more: one row, or two on a phone. */
const FIRST = matchMedia('(max-width: 600px)').matches ? 2 : 4;

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

/** Rows that could not be used, with the reason. */
export function quarantine(): HTMLElement | null {
  if (page.quarantined.length === 0) return null;
  const all = summary.quarantined;
  const shown = page.quarantined.length;
  return section(
    'quarantine',
    'Set aside',
    `${count(all)} ${all === 1 ? 'row' : 'rows'} could not be read or scored and took no part.${shown < all ? ` The first ${count(shown)} are listed.` : ''}`,
    h(
      'div',
      { class: 'scroll short', tabindex: 0, role: 'region', 'aria-label': 'Quarantined samples' },
      table(
        'Quarantined samples',
        [
          { label: 'Sample', cell: (q: (typeof page.quarantined)[number]) => q.id },
          { label: 'What', cell: (q) => h('code', null, q.code) },
          { label: 'Why', cell: (q) => q.reason },
        ],
        page.quarantined,
        'dense',
      ),
    ),
  );
}
