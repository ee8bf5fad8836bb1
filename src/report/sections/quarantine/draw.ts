import { count } from '../../format.ts';
import { h, section, table } from '../../web/dom.ts';
import { page, summary } from '../../web/state.ts';

/** Rows that could not be used, with the reason. */
export function quarantine(): HTMLElement | null {
  if (page.quarantined.length === 0) return null;
  const all = summary.quarantined;
  const shown = page.quarantined.length;
  return section(
    'quarantine',
    'Rows set aside',
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
