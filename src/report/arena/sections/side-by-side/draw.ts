import { count, duration, number, percent } from '../../../format.ts';
import { h, section, table } from '../../../web/dom.ts';
import { necessityOf } from '../../necessity.ts';
import { addressOf, breakable, page, placeOf, result } from '../../web/data.ts';

interface Line {
  id: string;
  title: string;
  isMethod: boolean;
  kept: string;
  tokens: number | undefined;
  values: { mean: number | null; lo?: number; hi?: number }[];
  /** Largest |z|, and what 95 % of random subsets reach. */
  distance?: { mean: number; lo: number; hi: number };
  alone: string;
  time: string;
}

/** Every method in a line, random ones below. */
export function sideBySide(): HTMLElement {
  const shown = [
    { name: necessityOf(result) ?? '', label: 'Mean necessity', text: (v: number | null) => number(v) },
    { name: 'doctor/D007', label: 'Duplicates', text: (v: number | null) => percent(v) },
    { name: 'doctor/any', label: 'Rows with errors', text: (v: number | null) => percent(v) },
    { name: 'fault/any', label: 'Planted faults', text: (v: number | null) => percent(v) },
  ].flatMap((one) => (placeOf(one.name) < 0 ? [] : [{ ...one, at: placeOf(one.name) }]));
  const lines: Line[] = [
    ...result.methods.map((method) => ({
      id: method.id,
      title: method.title,
      isMethod: true,
      kept:
        method.kept === method.requested ? count(method.kept) : `${count(method.kept)} of ${count(method.requested)}`,
      tokens: method.tokens,
      values: shown.map(({ at }) => ({ mean: method.quantities[at]!.value })),
      distance: { mean: method.distance.value, lo: method.distance.lo, hi: method.distance.hi },
      alone: `${count(method.uniquePicks.picked)} / ${count(method.uniquePicks.dropped)}`,
      time: duration(method.cost.seconds),
    })),
    ...result.random.map((random) => ({
      id: random.title,
      title: `mean of ${random.seeds} seeds, and the range of 95 % of them`,
      isMethod: false,
      kept: count(random.kept),
      tokens: random.tokens,
      values: shown.map(({ at }) => random.quantities[at]!),
      alone: '–',
      time: '–',
    })),
  ];
  return section(
    'side',
    'Side by side',
    'One line a method; its name leads to a page of its own, with its formula, its options, and what it alone picked and dropped. From random is the largest distance of any quantity, in standard deviations of random subsets, and below it what 95 % of those reach.',
    h(
      'div',
      { class: 'wide-table' },
      table<Line>(
        'Methods side by side',
        [
          {
            label: 'Method',
            cell: (line) => [
              line.isMethod
                ? h('a', { href: addressOf(line.id) }, h('b', null, breakable(line.id)))
                : h('b', null, line.id),
              h('span', { class: 'quiet block small' }, line.title),
            ],
          },
          { label: 'Kept', numeric: true, cell: (line) => line.kept },
          ...(result.cost === undefined
            ? []
            : [{ label: 'Tokens', numeric: true, cell: (line: Line) => count(line.tokens ?? 0) }]),
          ...shown.map(({ label, text }, i) => ({
            label,
            numeric: true,
            cell: (line: Line) => withRange(line.values[i]!, text),
          })),
          {
            label: 'From random',
            numeric: true,
            cell: (line) => (line.distance === undefined ? '–' : withRange(line.distance, (value) => number(value, 1))),
          },
          { label: 'Only it picked / dropped', numeric: true, cell: (line) => line.alone },
          { label: 'Time', numeric: true, cell: (line) => line.time },
        ],
        lines,
        'side-table pack',
      ),
    ),
  );
}

function withRange(
  { mean, lo, hi }: Line['values'][number],
  text: (value: number | null) => string,
): (Node | string)[] {
  if (lo === undefined || hi === undefined) return [text(mean)];
  return [text(mean), h('span', { class: 'quiet block small' }, `${text(lo)} to ${text(hi)}`)];
}

/** What could not run, and what would change that. */
export function absent(): HTMLElement | null {
  if (page.missing.length === 0 && result.failed.length === 0) return null;
  return section(
    'absent',
    'Methods that could not run',
    page.missing.length === 0 ? null : `All of it together, passes shared: ${page.missingCost}.`,
    page.commandForAll === undefined ? null : h('pre', { class: 'formula' }, page.commandForAll),
    page.missing.length === 0
      ? null
      : table<(typeof page.missing)[number]>(
          'Methods that lack columns',
          [
            { label: 'Method', cell: (m) => [h('b', null, m.id), h('span', { class: 'quiet block small' }, m.title)] },
            { label: 'What is missing', cell: (m) => m.lacks },
            { label: 'What it costs', cell: (m) => m.cost },
          ],
          page.missing,
          'dense',
        ),
    page.missing.length === 0 ? null : h('p', { class: 'quiet small after' }, `${page.assumptions} ${page.importing}`),
    result.failed.length === 0
      ? null
      : table<(typeof result.failed)[number]>(
          'Methods that failed',
          [
            { label: 'Method', cell: (m) => h('b', null, m.id) },
            { label: 'Why it failed', cell: (m) => m.error.message },
            { label: 'What to do', cell: (m) => m.error.hint ?? '' },
          ],
          result.failed,
          'dense',
        ),
  );
}

/** What choosing took, and what measuring takes. */
export function cost(): HTMLElement | null {
  if (result.methods.length === 0) return null;
  return section(
    'cost',
    'Cost',
    'Choosing, as it was timed here, and measuring, estimated for this data set. Signals that are measured once serve all methods that read them.',
    h(
      'div',
      { class: 'wide-table' },
      table<(typeof result.methods)[number]>(
        'Cost of each method',
        [
          { label: 'Method', cell: (m) => h('a', { href: addressOf(m.id) }, m.id) },
          {
            label: 'Choosing',
            numeric: true,
            cell: (m) => `${duration(m.cost.seconds)}${m.reused ? ' (earlier run)' : ''}`,
          },
          { label: 'Columns in memory', numeric: true, cell: (m) => `${number(m.cost.bytes / 1e6, 1)} MB` },
          { label: 'Columns', cell: (m) => m.cost.columns.join(', ') || '–' },
          { label: 'Forward passes', numeric: true, cell: (m) => passes(m.cost.measuring.forward) },
          { label: 'Backward passes', numeric: true, cell: (m) => passes(m.cost.measuring.backward) },
          { label: 'Encoder passes', numeric: true, cell: (m) => passes(m.cost.measuring.encoder) },
          {
            label: 'GPU-hours',
            numeric: true,
            cell: (m) =>
              m.cost.measuring.unknown.length > 0 ? '?' : String(Number(m.cost.measuring.gpuHours.toPrecision(2))),
          },
        ],
        result.methods,
        'dense pack',
      ),
    ),
    h('p', { class: 'quiet small after' }, page.assumptions),
  );
}

function passes(value: number): string {
  return Number.isInteger(value) ? String(value) : number(value);
}
