import { h } from '../../web/dom.ts';

type Content = Node | string | null;

export interface MatrixLine {
  head: Content;
  cells: MatrixCell[];
  /** A line that others are held against. */
  isBaseline?: boolean;
}

export interface MatrixCell {
  text: Content;
  /** -1 (much less) to 1 (much more): the tint. */
  tint?: number;
  /** Outlined: more than chance gives. */
  isMarked?: boolean;
  title?: string;
  /** Spoken and shown below while the pointer or the focus is on the cell. */
  words?: string;
}

/** A table of numbers with tinted cells that keeps its shape on narrow screens and scrolls sideways there. */
export function matrix(
  caption: string,
  corner: string,
  columns: readonly { label: string; title?: string }[],
  lines: readonly MatrixLine[],
  kind = '',
): HTMLElement {
  const head = h(
    'tr',
    null,
    h('th', { scope: 'col', class: 'corner' }, corner),
    columns.map(({ label, title }) => h('th', { scope: 'col', title }, h('span', null, label))),
  );
  const body = lines.map((line) =>
    h(
      'tr',
      { class: line.isBaseline && 'baseline' },
      h('th', { scope: 'row', title: typeof line.head === 'string' ? line.head : line.head?.textContent }, line.head),
      line.cells.map((cell) => td(cell)),
    ),
  );
  return h(
    'div',
    { class: 'across', tabindex: 0, role: 'region', 'aria-label': caption },
    h(
      'table',
      { class: `matrix ${kind}` },
      h('caption', { class: 'visually-hidden' }, caption),
      h('thead', null, head),
      h('tbody', null, body),
    ),
  );
}

function td({ text, tint = 0, isMarked = false, title }: MatrixCell): HTMLElement {
  const strength = Number.isFinite(tint) ? Math.min(1, Math.abs(tint)) : 0;
  const side = tint < 0 ? 'less' : 'more';
  return h(
    'td',
    {
      class: `${strength === 0 ? '' : side}${isMarked ? ' marked' : ''}`,
      style: strength === 0 ? null : `--strength:${strength.toFixed(3)}`,
      title,
    },
    text,
  );
}
