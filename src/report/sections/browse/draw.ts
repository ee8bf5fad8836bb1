import { count, shorten, signed } from '../../format.ts';
import { pictureSentence } from '../../pictures/draw.ts';
import { reasonOf } from '../../web/card.ts';
import { h, mark, replace, section, table, uid } from '../../web/dom.ts';
import {
  classAt,
  filter,
  filterChanged,
  hasSelection,
  isKept,
  onFilter,
  page,
  passes,
  pin,
  samples,
  summary,
  total,
} from '../../web/state.ts';

/** Rows at first; a phone shows each as a block of lines. */
const PAGE_SIZE = matchMedia('(max-width: 860px)').matches ? 8 : 20;

/** All samples: find one by its id or its words and read why it was kept or dropped. */
export function browse(): HTMLElement {
  const id = uid('search');
  let shown = PAGE_SIZE;
  const result = h('div', { class: 'wide-table' });
  const status = h('p', { class: 'quiet small', role: 'status' });
  const input = h('input', {
    id,
    type: 'search',
    placeholder: 'id, or a word of question or answer',
    autocomplete: 'off',
    spellcheck: 'false',
  });
  const more = h('button', { type: 'button', class: 'more' }, 'Show more');

  const matches = (): number[] => {
    const needle = filter.text.trim().toLowerCase();
    const rows: number[] = [];
    for (let i = 0; i < total; i++) {
      if (!passes(i)) continue;
      if (
        needle === '' ||
        samples.id[i]!.toLowerCase().includes(needle) ||
        samples.question?.[i]?.toLowerCase().includes(needle) ||
        samples.answer?.[i]?.toLowerCase().includes(needle)
      )
        rows.push(i);
    }
    // An id typed in full comes first.
    const exact = rows.findIndex((i) => samples.id[i]!.toLowerCase() === needle);
    if (exact > 0) rows.unshift(...rows.splice(exact, 1));
    return rows;
  };
  const draw = (): void => {
    const rows = matches();
    status.textContent = `${count(rows.length)} of ${count(total)} samples${rows.length > shown ? `, the first ${count(shown)} shown` : ''}.`;
    replace(result, rows.length === 0 ? null : sampleTable(rows.slice(0, shown)));
    more.hidden = rows.length <= shown;
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      filter.text = input.value;
      shown = PAGE_SIZE;
      draw();
    }, 120);
  });
  more.addEventListener('click', () => {
    shown += 4 * PAGE_SIZE;
    draw();
  });
  onFilter(() => {
    shown = PAGE_SIZE;
    draw();
  });
  draw();
  const sub =
    total < summary.total
      ? ` The page holds ${count(total)} of ${count(summary.total)} samples, evenly spaced; winnow explain ID tells of any other.`
      : '';
  const cut = page.textLimit > 0 && samples.question !== null ? ` Texts are cut to ${page.textLimit} characters.` : '';
  return section(
    'all',
    'Browse all samples',
    `Search ids, questions and answers. Click a row for its picture, both losses and the reason. What is hidden on the map is hidden here too.${sub}${cut} ${pictureSentence()}`,
    h(
      'div',
      { class: 'search' },
      h('label', { for: id }, 'Search samples'),
      input,
      h(
        'button',
        {
          type: 'button',
          onclick: () => {
            input.value = '';
            filter.text = '';
            filterChanged();
          },
        },
        'Clear',
      ),
    ),
    status,
    result,
    more,
  );
}

function sampleTable(rows: readonly number[]): HTMLElement {
  const reasons = hasSelection() && samples.reason !== null;
  return table<number>(
    'Samples',
    [
      {
        label: 'Sample',
        cell: (i) =>
          h(
            'span',
            { class: 'id-cell' },
            mark(classAt(i), hasSelection() ? isKept(i) : null),
            h('button', { type: 'button', class: 'link', onclick: () => pin(i) }, samples.id[i]!),
          ),
      },
      ...(samples.question === null
        ? []
        : [{ label: 'Question', cell: (i: number) => excerpt(samples.question![i]!, 90) }]),
      ...(samples.answer === null ? [] : [{ label: 'Answer', cell: (i: number) => excerpt(samples.answer![i]!, 60) }]),
      ...(samples.necessity === null
        ? []
        : [{ label: 'S', numeric: true, cell: (i: number) => signed(samples.necessity![i]) }]),
      ...(samples.source === null || samples.source.names.length === 0
        ? []
        : [
            {
              label: 'Source',
              kind: 'source',
              cell: (i: number) => samples.source!.names[samples.source!.index[i]!] ?? '–',
            },
          ]),
      ...(reasons ? [{ label: 'Why', cell: (i: number) => reasonOf(i) }] : []),
    ],
    rows,
    'dense samples-table',
    pin,
  );
}

/** The part of a text where what is searched for stands, marked; else its beginning. */
function excerpt(text: string, limit: number): (string | HTMLElement)[] {
  const needle = filter.text.trim();
  const at = needle === '' ? -1 : text.toLowerCase().indexOf(needle.toLowerCase());
  if (at < 0) return [shorten(text, limit)];
  const from = at + needle.length <= limit ? 0 : Math.max(0, at - Math.floor(limit / 3));
  const end = Math.max(at + needle.length, from + limit);
  return [
    `${from > 0 ? '…' : ''}${text.slice(from, at)}`,
    h('mark', null, text.slice(at, at + needle.length)),
    `${text.slice(at + needle.length, end)}${end < text.length ? '…' : ''}`,
  ];
}
