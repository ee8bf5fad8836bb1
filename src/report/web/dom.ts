type Child = Node | string | number | null | undefined | false;
type Attribute = string | number | boolean | null | undefined | ((event: never) => void);

/** Makes an element. Texts become text nodes, never markup; `on…` attributes become listeners. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, Attribute> | null = null,
  ...children: (Child | Child[])[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name.slice(2), value as EventListener);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  append(element, children.flat());
  return element;
}

export function append(parent: Node, children: readonly Child[]): void {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    parent.appendChild(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

export function replace(parent: Element, ...children: (Child | Child[])[]): void {
  parent.replaceChildren();
  append(parent, children.flat());
}

let serial = 0;
/** An id that nothing else on the page has. */
export function uid(prefix: string): string {
  serial++;
  return `${prefix}-${serial}`;
}

/** Calls `draw` with the width of `element` now and whenever it changes, in whole pixels. */
export function onWidth(element: Element, draw: (width: number) => void): void {
  let last = 0;
  new ResizeObserver((entries) => {
    const width = Math.floor(entries[0]!.contentRect.width);
    if (width > 0 && width !== last) {
      last = width;
      draw(width);
    }
  }).observe(element);
}

/** The mark of a class and fate: filled when kept, hollow when dropped. */
export function mark(name: string | null, kept: boolean | null): HTMLElement {
  const label = `${kept === null ? '' : kept ? 'kept' : 'dropped'}${name === null ? '' : `${kept === null ? '' : ', '}${name}`}`;
  const named = label === '' ? { 'aria-hidden': 'true' } : { role: 'img', 'aria-label': label, title: label };
  return h('span', { class: `mark ${name ?? 'plain'} ${kept === false ? 'hollow' : 'filled'}`, ...named });
}

/**
 * Makes a drawing of Plot one picture with one name: the labels of its groups are not allowed where groups have no
 * role.
 */
export function asPicture(svg: Element, label: string): void {
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', label);
  for (const part of svg.querySelectorAll('[aria-label], [aria-description]')) {
    part.removeAttribute('aria-label');
    part.removeAttribute('aria-description');
  }
}

/** A section with its number-free heading and an introduction. */
export function section(
  id: string,
  title: string,
  intro: string | null,
  ...children: (Child | Child[])[]
): HTMLElement {
  return h(
    'section',
    { id, 'aria-labelledby': `${id}-title` },
    h(
      'header',
      { class: 'section-head' },
      h('h2', { id: `${id}-title` }, title),
      intro === null ? null : h('p', { class: 'intro' }, intro),
    ),
    ...children,
  );
}

/** A chart with its title, what it says in words, and its legend. */
export function figure(title: string, words: string, ...children: (Child | Child[])[]): HTMLElement {
  return h('figure', null, h('figcaption', null, h('strong', null, title), ' ', h('span', null, words)), ...children);
}

export interface TableColumn<Row> {
  label: string;
  numeric?: boolean;
  /** Class of the cells. */
  kind?: string;
  cell: (row: Row) => Child | Child[];
}

/** Letters of a word above which it may break in the middle, so that it doesn't hold a whole column open. */
const LONG_WORD = 28;

function breaks(text: string): string | false {
  return text.split(/[\s-]/).some((word) => word.length > LONG_WORD) && 'breaks';
}

function classes(...names: (string | false | undefined)[]): string {
  return names.filter((name) => name).join(' ');
}

/**
 * A table that turns into labelled blocks on narrow screens. Roles are stated because the blocks' display would drop
 * them.
 *
 * @param open what a click anywhere on a row does; the keyboard has the row's own button
 */
export function table<Row>(
  caption: string,
  columns: readonly TableColumn<Row>[],
  rows: readonly Row[],
  kind = '',
  open?: (row: Row) => void,
): HTMLElement {
  const head = columns.map((c) =>
    h('th', { scope: 'col', role: 'columnheader', class: classes(c.numeric && 'num', breaks(c.label)) }, c.label),
  );
  const cell = (row: Row, c: TableColumn<Row>, i: number): HTMLElement => {
    const element = h(i === 0 ? 'th' : 'td', {
      ...(i === 0 ? { scope: 'row', role: 'rowheader' } : { role: 'cell' }),
      'data-label': c.label,
    });
    append(element, [c.cell(row)].flat());
    element.className = classes(c.numeric ? 'num' : c.kind, breaks(element.textContent));
    return element;
  };
  const body = rows.map((row) => {
    const line = h(
      'tr',
      { role: 'row', class: open && 'opens' },
      columns.map((c, i) => cell(row, c, i)),
    );
    if (open !== undefined)
      line.addEventListener('click', (event) => {
        const isOwn = (event.target as Element).closest('button, a') !== null;
        if (!isOwn && getSelection()?.isCollapsed !== false) open(row);
      });
    return line;
  });
  return h(
    'table',
    { role: 'table', class: kind },
    h('caption', { class: caption.endsWith('.') ? 'quiet' : 'visually-hidden' }, caption),
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, head)),
    h('tbody', { role: 'rowgroup' }, body),
  );
}
