import type { NecessityClass } from '../../../select/kit/necessity-class.ts';
import { CLASS_TITLE, classMeaning, number, signed } from '../../format.ts';
import { isReadable } from '../../headline.ts';
import { h, mark, section } from '../../web/dom.ts';
import { page, summary } from '../../web/state.ts';

/** Definitions of the terms, and what the numbers can't say. */
export function glossary(): HTMLElement {
  const limits = [
    ...(summary.classes === null
      ? []
      : [
          'Necessity is measured by one model: what that model has learnt by heart looks redundant, what it can’t see looks redundant too.',
          'A misaligned sample is a suspect, not a verdict: an unusual but right answer can raise the loss as well.',
          'The classes depend on the thresholds; the histogram shows how many samples stand close to them.',
        ]),
    ...(summary.random.length > 0
      ? ['Random intervals are over seeds of the draw; they say nothing about another pool or another model.']
      : []),
    ...page.notes,
  ];
  return section(
    'glossary',
    'Glossary and limits',
    null,
    h(
      'dl',
      { class: 'words' },
      summary.classes === null
        ? null
        : [
            h(
              'div',
              null,
              h('dt', null, 'Necessity, S'),
              h(
                'dd',
                null,
                'Loss of the answer without the image minus the loss with it: mean over the answer’s tokens, nats per token. A nat is the natural-logarithm unit of surprise; 0.69 nats halve a probability.',
              ),
            ),
            ...summary.shownClasses.map((name) =>
              h(
                'div',
                null,
                h('dt', null, mark(name, true), ` ${CLASS_TITLE[name]}`),
                h('dd', null, `${classRange(name)}: ${classMeaning(name, isReadable(summary))}.`),
              ),
            ),
          ],
      summary.selections.length === 0
        ? null
        : [
            h(
              'div',
              null,
              h(
                'dt',
                null,
                h('span', { class: 'mark plain filled' }),
                ' Kept, ',
                h('span', { class: 'mark plain hollow' }),
                ' dropped',
              ),
              h(
                'dd',
                null,
                'In or not in the subset. Everywhere on this page filled means kept, hollow means dropped.',
              ),
            ),
            h(
              'div',
              null,
              h('dt', null, 'Quota and candidates'),
              h(
                'dd',
                null,
                'A cluster’s quota is the share of the budget that falls to it; its candidates are the samples that may fill it.',
              ),
            ),
          ],
      summary.random.length === 0
        ? null
        : h(
            'div',
            null,
            h('dt', null, 'Random subsets'),
            h(
              'dd',
              null,
              `Subsets of ${number(summary.random[0]!.size, 0)} samples drawn without looking, ${summary.random[0]!.draws} times. A selection that does not differ from them has done nothing.`,
            ),
          ),
    ),
    limits.length === 0
      ? null
      : h(
          'div',
          null,
          h('h3', null, 'What this page can’t say'),
          h(
            'ul',
            { class: 'limits' },
            limits.map((text) => h('li', null, text)),
          ),
        ),
  );
}

/** Where a class lies, in terms of S and of the loss without the image. */
function classRange(name: NecessityClass): string {
  const { critical, misaligned, blind } = summary.thresholds;
  const between = `S between ${signed(misaligned)} and ${signed(critical)}`;
  return {
    critical: `S above ${signed(critical)}`,
    redundant: `${between}, loss without the image up to ${number(blind)}`,
    neither: `${between}, loss without the image above ${number(blind)}`,
    misaligned: `S below ${signed(misaligned)}`,
    'text-only': 'nothing to take away, S says nothing',
  }[name];
}
