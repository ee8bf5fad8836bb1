import { CLASS_MEANING, CLASS_TITLE, CLASSES, count, duration, number, signed } from '../../format.ts';
import { h, mark, section, table } from '../../web/dom.ts';
import { page, summary } from '../../web/state.ts';

/** Cost and time, and how to get this page again. */
export function run(): HTMLElement | null {
  const { run: facts } = page;
  if (facts === null) return null;
  const parts = [steps(), facts.models === undefined ? null : models(), environment()].filter((part) => part !== null);
  return parts.length === 0 ? null : section('run', 'What it cost', null, ...parts);
}

function steps(): HTMLElement | null {
  const all = page.run?.steps ?? [];
  if (all.length === 0) return null;
  const longest = Math.max(...all.map((step) => step.seconds), 1e-9);
  const sum = all.reduce((seconds, step) => seconds + (step.cached === true ? 0 : step.seconds), 0);
  const memory = page.run?.peakMemoryMb;
  return h(
    'div',
    null,
    h(
      'p',
      { class: 'big-line' },
      h('b', null, duration(sum)),
      memory === undefined ? ' of computing' : ` of computing, ${count(memory)} MB of memory at most`,
    ),
    table(
      'Time of each step',
      [
        { label: 'Step', cell: (s: (typeof all)[number]) => s.name },
        {
          label: 'Time',
          cell: (s) =>
            h(
              'span',
              { class: 'time-cell' },
              h('span', {
                class: 'time-bar',
                'aria-hidden': 'true',
                style: `width:${((100 * s.seconds) / longest).toFixed(1)}%`,
              }),
              s.cached === true ? 'done before' : duration(s.seconds),
            ),
        },
        {
          label: 'Samples/s',
          numeric: true,
          cell: (s) =>
            s.samples === undefined || s.seconds === 0 || s.cached === true ? '–' : count(s.samples / s.seconds),
        },
      ],
      all,
      'steps',
    ),
  );
}

function models(): HTMLElement {
  return h(
    'div',
    null,
    h('h3', null, 'Models'),
    table(
      'Models',
      [
        { label: 'For', cell: (m: NonNullable<NonNullable<typeof page.run>['models']>[number]) => m.role },
        {
          label: 'Model',
          cell: (m) => [
            h('b', null, m.name),
            m.note === undefined ? null : h('span', { class: 'quiet block' }, m.note),
          ],
        },
        { label: 'Revision', cell: (m) => h('code', null, m.revision) },
      ],
      page.run?.models ?? [],
    ),
  );
}

function environment(): HTMLElement | null {
  const pairs = [...Object.entries(page.run?.machine ?? {}), ...Object.entries(page.run?.versions ?? {})];
  if (pairs.length === 0 && page.madeAt === null) return null;
  return h(
    'div',
    null,
    h('h3', null, 'Machine and versions'),
    h(
      'dl',
      { class: 'pairs' },
      [...pairs, ...(page.madeAt === null ? [] : [['made', page.madeAt] as [string, string]])].map(([name, value]) =>
        h('div', null, h('dt', null, name), h('dd', null, value)),
      ),
    ),
  );
}

/** The commands and what the numbers were made from. */
export function again(): HTMLElement | null {
  const commands = page.run?.commands ?? [];
  const lineage = page.run?.lineage ?? [];
  if (commands.length === 0 && lineage.length === 0) return null;
  return section(
    'again',
    'How to make it again',
    'The same commands on the same files give the same bytes; what is finished is not done twice.',
    commands.map((entry) => commandBox(entry.title, entry.command)),
    lineage.length === 0
      ? null
      : h(
          'div',
          null,
          h('h3', null, 'Made from'),
          h(
            'dl',
            { class: 'lineage' },
            lineage.map((entry) =>
              h('div', null, h('dt', null, entry.what), h('dd', null, h('code', null, entry.hash))),
            ),
          ),
        ),
  );
}

function commandBox(title: string, command: string): HTMLElement {
  const button = h('button', { type: 'button', 'aria-label': `Copy: ${title}` }, 'Copy');
  const code = h('pre', { tabindex: 0, 'aria-label': title }, h('code', null, command));
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(command);
      button.textContent = 'Copied';
    } catch {
      // Some browsers refuse the clipboard to files: select the text, so that the reader's own copy key does it.
      getSelection()?.selectAllChildren(code);
      button.textContent = 'Selected: press Ctrl+C';
    }
    setTimeout(() => {
      button.textContent = 'Copy';
    }, 2500);
  });
  return h('div', { class: 'command' }, h('div', { class: 'command-head' }, h('h3', null, title), button), code);
}

/** What the words mean, and what the numbers can't say. */
export function definitions(): HTMLElement {
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
    'words',
    'Words and limits',
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
