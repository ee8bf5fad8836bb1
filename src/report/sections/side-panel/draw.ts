import { card } from '../../web/card.ts';
import { h, replace } from '../../web/dom.ts';
import { onPin, pin } from '../../web/state.ts';
import { hideTip } from '../../web/tip.ts';

/** The place where a sample that was clicked stays in view. */
export function sidePanel(): HTMLElement {
  const body = h('div', null);
  const close = h(
    'button',
    { type: 'button', class: 'close', 'aria-label': 'Close this sample', onclick: () => pin(null) },
    '✕',
  );
  const element = h('aside', { class: 'side-panel', 'aria-label': 'Chosen sample', hidden: true }, close, body);
  let before: Element | null = null;
  onPin((index) => {
    hideTip();
    if (index === null) {
      element.hidden = true;
      if (before instanceof HTMLElement && before.isConnected) before.focus();
      before = null;
      return;
    }
    if (element.hidden) before = document.activeElement;
    replace(body, card(index, 'h3'));
    element.hidden = false;
    close.focus({ preventScroll: true });
  });
  element.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') pin(null);
  });
  return element;
}
