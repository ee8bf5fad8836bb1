import type { GallerySample } from '../data.ts';
import { number, signed } from '../format.ts';
import { h } from './dom.ts';
import { stepper } from './step.ts';

/** Difference at which the tint is full, nats. How dark full is, the theme says. */
const FULL = 3;

/** The answer token by token: tinted by what the image does to its loss, with both losses as bars beneath. */
export function tokenRow(tokens: NonNullable<GallerySample['tokens']>): HTMLElement[] {
  const at = (column: ArrayLike<number | null>, t: number): number => column[t] ?? 0;
  const top = Math.max(1, ...tokens.text.flatMap((_, t) => [at(tokens.blind, t), at(tokens.multimodal, t)]));
  const items = tokens.text.map((text, t) => {
    const blind = at(tokens.blind, t);
    const seen = at(tokens.multimodal, t);
    const strength = Math.min(1, Math.abs(blind - seen) / FULL);
    const name = blind >= seen ? 'critical' : 'misaligned';
    return h(
      'span',
      { class: `token ${name}`, style: `--strength:${strength.toFixed(2)}` },
      h('span', { class: 'text' }, visible(text)),
      h('span', { class: 'bar blind', style: `width:${((100 * blind) / top).toFixed(1)}%` }),
      h('span', { class: 'bar seen', style: `width:${((100 * seen) / top).toFixed(1)}%` }),
    );
  });
  const row = h('div', { class: 'tokens' }, items);
  const step = stepper(row, {
    label: `Answer token by token: ${tokens.text.join('')}`,
    count: items.length,
    hint: '',
    describe: (t) => {
      const blind = at(tokens.blind, t);
      const seen = at(tokens.multimodal, t);
      return `“${visible(tokens.text[t]!)}”: ${number(blind)} without the image, ${number(seen)} with it (${signed(blind - seen)} nats)`;
    },
    highlight: (t) => {
      for (const [i, item] of items.entries()) item.classList.toggle('on', i === t);
    },
  });
  items.forEach((item, i) => {
    item.addEventListener('pointerenter', () => step.show(i));
  });
  row.addEventListener('pointerleave', () => step.show(null));
  step.readout.classList.add('small');
  return [row, step.readout];
}

function visible(text: string): string {
  const shown = text.replaceAll('\n', '⏎').replace(/^[ ▁Ġ]+/u, '');
  return shown === '' ? '␣' : shown;
}

/** What the tints and the bars under a token mean. */
export function tokenLegend(): HTMLElement {
  return h(
    'p',
    { class: 'token-legend small' },
    'Answers are tinted token by token: ',
    h(
      'span',
      { class: 'swatch' },
      h('span', null, 'the image hurts'),
      h('span', { class: 'ramp', 'aria-hidden': 'true' }),
      h('span', null, 'the image helps'),
    ),
    h('span', { class: 'swatch' }, h('span', { class: 'bar blind', 'aria-hidden': 'true' }), 'loss without the image'),
    h('span', { class: 'swatch' }, h('span', { class: 'bar seen', 'aria-hidden': 'true' }), 'loss with the image'),
  );
}
