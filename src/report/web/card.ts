import { CLASS_TITLE, number, reasonText, signed } from '../format.ts';
import { pictures } from '../pictures/draw.ts';
import { h, mark } from './dom.ts';
import {
  classAt,
  clusterName,
  clusterOf,
  galleryOf,
  hasSelection,
  indexOfId,
  isKept,
  pin,
  samples,
  summary,
} from './state.ts';
import { tokenRow } from './tokens.ts';

/** Why sample `i` was kept or dropped, in words; empty when nothing was selected. */
export function reasonOf(i: number): string {
  if (!hasSelection() || samples.reason === null) return '';
  const code = samples.reason.names[samples.reason.index[i]!];
  if (code === undefined) return '';
  const counts = clusterOf.get(samples.cluster?.[i] ?? -1);
  // A method without quotas ranks over the pool: naming a cluster would mislead.
  const cluster = counts?.candidates == null ? null : counts.cluster;
  const stage = samples.stage?.names[samples.stage.index[i]!];
  const text = reasonText({
    kept: isKept(i),
    code,
    rank: samples.rank?.[i] ?? null,
    cluster,
    candidates: counts?.candidates ?? null,
    quota: counts?.quota ?? null,
    necessity: samples.necessity?.[i] ?? null,
  });
  return stage === undefined ? text : `${stage}: ${text}`;
}

/** One sample: picture, question, answer by token, both losses, and why it was kept or dropped. */
export function card(i: number, heading: 'h3' | 'h4'): HTMLElement {
  const rich = galleryOf.get(i);
  const name = classAt(i);
  const question = rich?.question ?? samples.question?.[i] ?? '';
  const answer = rich?.answer ?? samples.answer?.[i] ?? '';
  return h(
    'article',
    { class: 'card' },
    pictures(i),
    h(
      'div',
      { class: 'card-body' },
      h(
        heading,
        { class: 'card-id' },
        mark(name, hasSelection() ? isKept(i) : null),
        h('span', null, samples.id[i]!),
        hasSelection() ? h('span', { class: 'fate' }, isKept(i) ? 'kept' : 'dropped') : null,
      ),
      question === '' ? null : h('p', { class: 'question' }, question),
      rich?.tokens !== undefined ? tokenRow(rich.tokens) : answer === '' ? null : h('p', { class: 'answer' }, answer),
      lossBars(i),
      facts(i),
      reasonOf(i) === '' ? null : h('p', { class: 'reason' }, reasonOf(i)),
      neighbours(i),
    ),
  );
}

function lossBars(i: number): HTMLElement | null {
  const blind = samples.blind?.[i];
  const seen = samples.multimodal?.[i];
  if (blind === null || blind === undefined || seen === null || seen === undefined) return null;
  const top = Math.max(1, blind, seen);
  const name = classAt(i);
  const row = (kind: string, label: string, value: number): HTMLElement[] => [
    h('dt', null, label),
    h(
      'dd',
      null,
      h('span', { class: `bar ${kind}`, 'aria-hidden': 'true', style: `width:${((60 * value) / top).toFixed(1)}%` }),
      number(value),
    ),
  ];
  return h(
    'dl',
    { class: 'losses' },
    row('blind', 'loss without image', blind),
    row('seen', 'loss with image', seen),
    h('dt', null, 'necessity'),
    h(
      'dd',
      null,
      h('b', null, signed(samples.necessity?.[i])),
      name === null ? '' : ` ${CLASS_TITLE[name].toLowerCase()}`,
    ),
  );
}

function facts(i: number): HTMLElement | null {
  const fault = samples.fault?.names[samples.fault.index[i]!];
  const parts = [
    samples.source?.names[samples.source.index[i]!],
    samples.cluster !== null && samples.cluster[i]! >= 0 ? clusterName(samples.cluster[i]!, 2) : undefined,
    fault === undefined ? undefined : `planted: ${summary.faults.find((f) => f.key === fault)?.title ?? fault}`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? null : h('p', { class: 'quiet small' }, parts.join(' · '));
}

function neighbours(i: number): HTMLElement | null {
  const near = galleryOf.get(i)?.neighbours ?? [];
  if (near.length === 0) return null;
  return h(
    'p',
    { class: 'quiet small' },
    'Nearest kept: ',
    near.map((other, n) => {
      const index = indexOfId.get(other.id);
      const label = `${other.id} (${number(other.similarity)})`;
      return h(
        'span',
        null,
        n > 0 ? ', ' : '',
        index === undefined ? label : h('button', { type: 'button', class: 'link', onclick: () => pin(index) }, label),
      );
    }),
  );
}
