import { CLASS_MEANING, CLASS_TITLE, CLASSES, number, signed } from '../../format.ts';
import { h, mark, section } from '../../web/dom.ts';
import { page, summary } from '../../web/state.ts';

/** Definitions of the terms, and what the numbers can't say. */
export function glossary(): HTMLElement {
  const { critical, misaligned } = summary.thresholds;
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
            ...CLASSES.map((name) =>
              h(
                'div',
                null,
                h('dt', null, mark(name, true), ` ${CLASS_TITLE[name]}`),
                h(
                  'dd',
                  null,
                  `${name === 'critical' ? `S above ${signed(critical)}` : name === 'misaligned' ? `S below ${signed(misaligned)}` : `S between ${signed(misaligned)} and ${signed(critical)}`}: ${CLASS_MEANING[name]}.`,
                ),
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
