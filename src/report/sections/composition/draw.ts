import { dot, link, plot, ruleX } from '@observablehq/plot';
import { count, percent, shorten } from '../../format.ts';
import type { ShareRow } from '../../summary.ts';
import { asPicture, figure, h, onWidth, section, table } from '../../web/dom.ts';
import { summary } from '../../web/state.ts';

/** What the subset is made of, before and after, by source and by category. */
export function composition(): HTMLElement | null {
  const main = summary.selections[0];
  if (main === undefined) return null;
  const parts = [
    ['source', summary.sources],
    ['category', summary.categories],
  ] as const;
  const charts = parts.filter(([, rows]) => rows.length > 1).map(([what, rows]) => shares(what, rows, main.kept));
  if (charts.length === 0) return null;
  return section(
    'composition',
    'Composition of the subset',
    'A subset that is better on average may also be lopsided. Here is the share of each group in the pool and in the subset.',
    ...charts,
  );
}

interface Point {
  label: string;
  pool: number;
  subset: number;
  lo: number | null;
  hi: number | null;
  mean: number | null;
}

function shares(what: string, rows: readonly ShareRow[], kept: number): HTMLElement {
  const points: Point[] = rows.map((row) => ({
    label: row.label,
    pool: row.total / summary.total,
    subset: kept === 0 ? 0 : row.kept / kept,
    lo: row.random?.lo ?? null,
    hi: row.random?.hi ?? null,
    mean: row.random?.mean ?? null,
  }));
  const host = h('div', { class: 'chart' });
  const random = points.some((p) => p.lo !== null);
  onWidth(host, (width) => {
    const letters = width < 560 ? 14 : 26;
    const label = new Map(points.map((p) => [p.label, shorten(p.label, letters)]));
    const longest = Math.max(...[...label.values()].map((text) => text.length));
    const svg = plot({
      width,
      height: 26 * points.length + 48,
      marginLeft: Math.min(220, 14 + 7.4 * longest),
      marginRight: 24,
      marginTop: 6,
      marginBottom: 38,
      style: { background: 'transparent', fontSize: '13px', fontFamily: 'inherit', overflow: 'visible' },
      x: {
        label: 'share →',
        tickFormat: (v: number) => `${Math.round(v * 100)} %`,
        grid: true,
        ticks: width < 560 ? 4 : 7,
        zero: true,
        nice: true,
      },
      y: { label: null, domain: points.map((p) => p.label), tickFormat: (v: string) => label.get(v) ?? v, tickSize: 0 },
      marks: [
        ruleX([0], { stroke: 'var(--muted)' }),
        link(
          points.filter((p) => p.lo !== null),
          {
            x1: 'lo',
            x2: 'hi',
            y1: 'label',
            y2: 'label',
            stroke: 'var(--band)',
            strokeWidth: 12,
            strokeLinecap: 'butt',
          },
        ),
        link(points, { x1: 'pool', x2: 'subset', y1: 'label', y2: 'label', stroke: 'var(--muted)', strokeWidth: 1.5 }),
        dot(points, { x: 'pool', y: 'label', r: 5, fill: 'var(--card)', stroke: 'var(--ink)', strokeWidth: 1.75 }),
        dot(points, { x: 'subset', y: 'label', r: 5.5, fill: 'var(--ink)' }),
      ],
    });
    asPicture(svg, `Share of each ${what} in the pool and in the subset; the table below has the numbers.`);
    host.replaceChildren(svg);
  });
  const moved = [...points].sort((a, b) => Math.abs(b.subset - b.pool) - Math.abs(a.subset - a.pool))[0]!;
  return figure(
    `By ${what}.`,
    `“${moved.label}” moves most: ${percent(moved.pool)} of the pool, ${percent(moved.subset)} of the subset.`,
    h(
      'ul',
      { class: 'key inline' },
      h('li', null, h('span', { class: 'mark plain hollow' }), 'pool (before)'),
      h('li', null, h('span', { class: 'mark plain filled' }), 'subset (after)'),
      random ? h('li', null, h('span', { class: 'mark band' }), 'random, 95 % interval') : null,
    ),
    host,
    h(
      'details',
      null,
      h('summary', null, 'The numbers'),
      table<ShareRow>(
        `Samples by ${what}`,
        [
          { label: what[0]!.toUpperCase() + what.slice(1), cell: (r) => r.label },
          { label: 'Pool', numeric: true, cell: (r) => `${count(r.total)} (${percent(r.total / summary.total)})` },
          {
            label: 'Subset',
            numeric: true,
            cell: (r) => `${count(r.kept)} (${percent(kept === 0 ? 0 : r.kept / kept)})`,
          },
          {
            label: 'Random',
            numeric: true,
            cell: (r) =>
              r.random === null
                ? '–'
                : `${percent(r.random.mean)} (${percent(r.random.lo)} to ${percent(r.random.hi)})`,
          },
        ],
        rows,
        'dense pack',
      ),
    ),
  );
}
