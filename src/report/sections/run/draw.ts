import { count, duration } from '../../format.ts';
import { h, section, table } from '../../web/dom.ts';
import { page } from '../../web/state.ts';

/** Time and memory of each step, models, machine and versions. */
export function run(): HTMLElement | null {
  const { run: facts } = page;
  if (facts === null) return null;
  const parts = [steps(), facts.models === undefined ? null : models(), environment()].filter((part) => part !== null);
  return parts.length === 0 ? null : section('run', 'Time and memory', null, ...parts);
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
