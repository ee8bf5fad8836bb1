import { h } from '../../web/dom.ts';

type Content = Node | string | null | (Node | string)[];

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
  /** Shown below the table, and spoken, while the pointer or the arrow keys are on the cell. */
  title?: string;
}

/**
 * A table of numbers with tinted cells that keeps its shape on narrow screens and scrolls sideways there. One Tab stop:
 * arrow keys walk from cell to cell, as the pointer does, and what a cell says stands below the table.
 */
export function matrix(
  caption: string,
  corner: string,
  columns: readonly { label: string; title?: string }[],
  lines: readonly MatrixLine[],
  kind = '',
): HTMLElement {
  const heads = columns.map(({ label, title }) => h('th', { scope: 'col', title }, h('span', null, label)));
  const rows = lines.map((line) => {
    const head = h('th', { scope: 'row' }, ...[line.head].flat());
    head.title = head.textContent;
    return { head, cells: line.cells.map(td), isBaseline: line.isBaseline };
  });
  const box = h(
    'div',
    { class: 'across', tabindex: 0, role: 'region', 'aria-label': `${caption}. Arrow keys move from cell to cell.` },
    h(
      'table',
      { class: `matrix ${kind}` },
      h('caption', { class: 'visually-hidden' }, caption),
      h('thead', null, h('tr', null, h('th', { scope: 'col', class: 'corner' }, corner), heads)),
      h(
        'tbody',
        null,
        rows.map(({ head, cells, isBaseline }) => h('tr', { class: isBaseline && 'baseline' }, head, cells)),
      ),
    ),
  );
  const readout = h('p', { class: 'readout', 'aria-live': 'polite' });
  let at: [row: number, column: number] | null = null;
  const mark = (on: boolean): void => {
    if (at === null) return;
    for (const part of [rows[at[0]]!.cells[at[1]]!, rows[at[0]]!.head, heads[at[1]]!]) part.classList.toggle('on', on);
  };
  const show = (next: typeof at): void => {
    mark(false);
    at = next;
    mark(true);
    const cell = at === null ? undefined : lines[at[0]]!.cells[at[1]];
    const named =
      at === null ? '' : `${rows[at[0]]!.head.textContent}, ${columns[at[1]]!.title ?? columns[at[1]]!.label}`;
    readout.textContent =
      cell === undefined ? '' : (cell.title ?? `${named}: ${rows[at![0]]!.cells[at![1]]!.textContent}`);
  };
  box.addEventListener('pointermove', (event) => {
    const cell = (event.target as Element).closest('td');
    const row = cell === null ? -1 : rows.findIndex(({ cells }) => cells.includes(cell));
    if (cell !== null && row >= 0) show([row, rows[row]!.cells.indexOf(cell)]);
  });
  box.addEventListener('pointerleave', () => show(null));
  box.addEventListener('blur', () => show(null));
  box.addEventListener('keydown', (event) => {
    const move = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
    if (event.target !== box || (move === undefined && event.key !== 'Escape')) return;
    event.preventDefault();
    if (move === undefined) return show(null);
    const within = (value: number, size: number): number => Math.min(size - 1, Math.max(0, value));
    show(at === null ? [0, 0] : [within(at[0] + move[0]!, rows.length), within(at[1] + move[1]!, columns.length)]);
    rows[at![0]]!.cells[at![1]]!.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  });
  return h('div', null, box, readout);
}

function td({ text, tint = 0, isMarked = false }: MatrixCell): HTMLElement {
  const strength = Number.isFinite(tint) ? Math.min(1, Math.abs(tint)) : 0;
  const side = tint < 0 ? 'less' : 'more';
  return h(
    'td',
    {
      class: `${strength === 0 ? '' : side}${isMarked ? ' marked' : ''}`,
      style: strength === 0 ? null : `--strength:${strength.toFixed(3)}`,
    },
    ...[text].flat(),
  );
}
