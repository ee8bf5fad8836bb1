import { h } from './dom.ts';

export interface StepperOptions {
  /** What the group is, for assistive technology. */
  label: string;
  count: number;
  /** Words for item `i`, shown under the chart and spoken. */
  describe: (i: number) => string;
  /** Marks item `i`; null: none. */
  highlight: (i: number | null) => void;
  /** Enter or click. */
  choose?: (i: number) => void;
  /** Words while nothing is chosen. */
  hint: string;
}

/**
 * Makes one Tab stop out of many small marks: arrow keys walk through them, Enter chooses, Escape leaves.
 * Returns the line of text that says what is under the pointer or the focus, and a function for pointer events.
 */
export function stepper(
  host: HTMLElement,
  options: StepperOptions,
): { readout: HTMLElement; show: (i: number | null) => void } {
  const readout = h('p', { class: 'readout', 'aria-live': 'polite' }, options.hint);
  let current: number | null = null;
  const show = (i: number | null): void => {
    current = i;
    options.highlight(i);
    readout.textContent = i === null ? options.hint : options.describe(i);
  };
  host.tabIndex = 0;
  host.setAttribute('role', 'group');
  host.setAttribute('aria-label', options.label);
  host.addEventListener('keydown', (event) => {
    const move = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (move !== undefined) {
      const next = current === null ? (move > 0 ? 0 : options.count - 1) : current + move;
      show(Math.min(options.count - 1, Math.max(0, next)));
    } else if (event.key === 'Home') show(0);
    else if (event.key === 'End') show(options.count - 1);
    else if (event.key === 'Escape') show(null);
    else if ((event.key === 'Enter' || event.key === ' ') && current !== null) options.choose?.(current);
    else return;
    event.preventDefault();
  });
  host.addEventListener('blur', () => show(null));
  return { readout, show };
}
