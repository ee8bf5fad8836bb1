import { fitHeadline } from '../../signals/fit/judge.ts';
import type { Fit } from '../../signals/fit/measure.ts';
import { h } from './dom.ts';

/** Whether the model fits the data, before any of its numbers: in large letters where it does not, or nobody knows. */
export function fitBanner(fit: Fit | null): HTMLElement {
  const isFine = fit?.verdict === 'fits';
  const said =
    fit === null ? 'It is not known whether the model that measured these numbers fits this data.' : fitHeadline(fit);
  return h(
    'div',
    { class: `fit ${isFine ? 'fine' : 'warning'}`, role: 'note' },
    h('p', { class: isFine ? 'fit-line' : 'lede' }, said),
    fit === null ? null : h('p', { class: 'fit-line' }, fit.reason),
    fit?.wayOut == null ? null : h('p', { class: 'fit-line' }, fit.wayOut),
  );
}
