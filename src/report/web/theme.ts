import { h } from './dom.ts';

const listeners: (() => void)[] = [];

/** Canvases draw with the colours of the moment: they listen. */
export function onTheme(listener: () => void): void {
  listeners.push(listener);
}

/** The value of a CSS custom property now. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

const dark = matchMedia('(prefers-color-scheme: dark)');

function isDark(): boolean {
  const chosen = document.documentElement.dataset.theme;
  return chosen === undefined ? dark.matches : chosen === 'dark';
}

/** Light or dark: what the system says until the reader chooses. */
export function themeToggle(): HTMLElement {
  const button = h('button', { type: 'button', class: 'theme' });
  const label = (): void => {
    button.textContent = isDark() ? '☀ Light' : '☾ Dark';
    button.setAttribute('aria-label', isDark() ? 'Switch to light colours' : 'Switch to dark colours');
    for (const listener of listeners) listener();
  };
  button.addEventListener('click', () => {
    document.documentElement.dataset.theme = isDark() ? 'light' : 'dark';
    label();
  });
  dark.addEventListener('change', label);
  // Paper has colours of its own.
  matchMedia('print').addEventListener('change', label);
  label();
  return button;
}
