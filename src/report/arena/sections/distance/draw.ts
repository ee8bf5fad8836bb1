import { dot, link, plot, tickX } from '@observablehq/plot';
import { count, number, shorten } from '../../../format.ts';
import { asPicture, figure, h, onWidth, section, table } from '../../../web/dom.ts';
import { addressOf, result } from '../../web/data.ts';

/** How far each subset is from random ones. */
export function distance(): HTMLElement | null {
  const methods = [...result.methods].sort((a, b) => b.distance.value - a.distance.value);
  if (methods.length === 0) return null;
  const host = h('div', { class: 'chart' });
  onWidth(host, (width) => {
    const longest = Math.max(...methods.map(({ id }) => id.length));
    const margin = Math.min(width * 0.42, 16 + 7.2 * longest);
    const rows = methods.map(({ id, distance: d }) => ({ id, ...d }));
    const svg = plot({
      width,
      height: 24 * rows.length + 56,
      marginLeft: margin,
      marginRight: 20,
      marginTop: 6,
      marginBottom: 42,
      style: { background: 'transparent', fontSize: '13px', fontFamily: 'inherit', overflow: 'visible' },
      x: {
        type: 'sqrt',
        label: 'largest |z| of any quantity →',
        grid: true,
        ticks: width < 560 ? 4 : 8,
        zero: true,
        nice: true,
      },
      y: {
        label: null,
        domain: rows.map(({ id }) => id),
        tickSize: 0,
        tickFormat: (id: string) => shorten(id, Math.floor((margin - 10) / 7.2)),
      },
      marks: [
        link(rows, {
          x1: 'lo',
          x2: 'hi',
          y1: 'id',
          y2: 'id',
          stroke: 'var(--band)',
          strokeWidth: 12,
          strokeLinecap: 'butt',
        }),
        tickX(rows, { x: 'random', y: 'id', stroke: 'var(--muted)', inset: 5 }),
        dot(rows, { x: 'value', y: 'id', r: 5.5, fill: 'var(--ink)' }),
      ],
    });
    asPicture(svg, 'Distance of each method from random subsets; the table below has the numbers.');
    host.replaceChildren(svg);
  });
  return section(
    'distance',
    'How far from random',
    `Each quantity of a subset (means of signals, make-up, findings) is compared with ${count(result.draws)} random subsets of the same size, in their standard deviations. The distance is the largest of these, and so is the distance of each random subset: looking at many quantities is paid for. Far from random says that a method chooses differently, not that it chooses well.`,
    figure(
      'Distance of each method.',
      'Grey is where 95 % of random subsets lie, the line in it their mean.',
      host,
      h(
        'details',
        null,
        h('summary', null, 'The numbers'),
        table<(typeof methods)[number]>(
          'Distance from random',
          [
            { label: 'Method', cell: (m) => h('a', { href: addressOf(m.id) }, m.id) },
            { label: 'Distance', numeric: true, cell: (m) => number(m.distance.value, 1) },
            {
              label: 'Random, 95 %',
              numeric: true,
              cell: (m) => `${number(m.distance.lo, 1)} to ${number(m.distance.hi, 1)}`,
            },
            { label: 'p', numeric: true, cell: (m) => number(m.distance.p, 3) },
            { label: 'p (Holm, all methods)', numeric: true, cell: (m) => number(m.distance.adjusted, 3) },
            { label: 'Quantities beyond chance', cell: (m) => beyond(m) },
          ],
          methods,
          'dense pack',
        ),
      ),
    ),
  );
}

function beyond(method: (typeof result.methods)[number]): string {
  const names = method.quantities.flatMap(({ outside, z }, q) =>
    outside ? [{ z: Math.abs(z), name: result.quantities[q]!.title }] : [],
  );
  if (names.length === 0) return 'none';
  const first = names.sort((a, b) => b.z - a.z).slice(0, 3);
  return `${first.map(({ name }) => name).join('; ')}${names.length > 3 ? ` and ${names.length - 3} more` : ''}`;
}
