import { h } from './dom.ts';
import { themeToggle } from './theme.ts';

/** A part of a page by its name in the navigation; null: this page has none. */
export type Section = readonly [name: string, element: HTMLElement | null];

/** The sections that a page has, and the navigation that leads to them. */
export function sectionsAndNav(sections: readonly Section[]): { elements: HTMLElement[]; nav: HTMLElement } {
  const shown = sections.flatMap(([name, element]) => (element === null ? [] : [{ name, element }]));
  const links = shown.map(({ name, element }) => h('li', null, h('a', { href: `#${element.id}` }, name)));
  return {
    elements: shown.map(({ element }) => element),
    nav: h('nav', { 'aria-label': 'Sections' }, h('ul', null, links)),
  };
}

/** The line above every page: whose it is, what it is, light or dark. */
export function masthead(what: string): HTMLElement {
  return h(
    'div',
    { class: 'masthead' },
    h('span', { class: 'brand' }, 'Winnow'),
    h('span', { class: 'quiet' }, what),
    themeToggle(),
  );
}

/** The promise that a page keeps, and what it needs beside itself. */
export function footer(needs = ''): HTMLElement {
  const promise = `Made by Winnow. This file asks no network for anything. ${needs}`.trim();
  return h('footer', null, h('p', { class: 'quiet small' }, promise));
}
