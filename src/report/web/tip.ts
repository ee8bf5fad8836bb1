import { shorten, signed } from '../format.ts';
import { embeddedPicture } from '../pictures/draw.ts';
import { append, h, mark } from './dom.ts';
import { classAt, hasSelection, isKept, samples } from './state.ts';

const tip = h('div', { class: 'tip', 'aria-hidden': 'true', hidden: true });

/**
 * Shows a small note on sample `i` beside a point of the window. It repeats what is spoken, so it is hidden from
 * assistive technology.
 */
export function showTip(i: number, x: number, y: number): void {
  if (!tip.isConnected) document.body.appendChild(tip);
  tip.replaceChildren();
  const image = embeddedPicture(i);
  append(tip, [
    image === undefined ? null : h('img', { src: image, alt: '' }),
    h(
      'div',
      null,
      h(
        'div',
        { class: 'tip-head' },
        mark(classAt(i), hasSelection() ? isKept(i) : null),
        h('b', null, samples.id[i]!),
      ),
      samples.necessity === null ? null : h('div', null, `S = ${signed(samples.necessity[i], 2)} nats/token`),
      samples.question === null ? null : h('div', { class: 'quiet' }, shorten(samples.question[i]!, 90)),
      samples.answer === null ? null : h('div', { class: 'tip-answer' }, shorten(samples.answer[i]!, 60)),
    ),
  ]);
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(8, Math.min(innerWidth - box.width - 8, x + 14))}px`;
  tip.style.top = `${y + box.height + 24 > innerHeight ? Math.max(8, y - box.height - 14) : y + 14}px`;
}

export function hideTip(): void {
  tip.hidden = true;
}
