import { line, plot, rectY, ruleX, ruleY } from '@observablehq/plot';
import type { NecessityClass } from '../../../select/kit/necessity-class.ts';
import { CLASS_TITLE, CLASSES, count, number, signed } from '../../format.ts';
import type { Bin } from '../../summary.ts';
import { asPicture, figure, h, mark, onWidth, section } from '../../web/dom.ts';
import { pointChart } from '../../web/points.ts';
import { classAt, filter, filterChanged, samples, summary } from '../../web/state.ts';
import { stepper } from '../../web/step.ts';

/** How necessary the image is: histogram and scatter. */
export function distribution(): HTMLElement | null {
  if (summary.bins.length === 0) return null;
  return section(
    'distribution',
    'How much each sample needs its image',
    'Necessity S is the loss of the answer without the image minus the loss with it, in nats per token. ' +
      'Right of the upper threshold the image helps; left of the lower one it hurts; between them it makes no difference.',
    histogram(),
    losses(),
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

interface Piece {
  x1: number;
  x2: number;
  y1: number;
  y2: number;
  name: string;
}

function pieces(bins: readonly Bin[]): { kept: Piece[]; dropped: Piece[] } {
  const kept: Piece[] = [];
  const dropped: Piece[] = [];
  for (const bin of bins) {
    let y = 0;
    for (const [list, counts] of [
      [kept, bin.kept],
      [dropped, bin.dropped],
    ] as const) {
      counts.forEach((n, c) => {
        if (n > 0) list.push({ x1: bin.from, x2: bin.to, y1: y, y2: y + n, name: CLASSES[c]! });
        y += n;
      });
    }
  }
  return { kept, dropped };
}

/** The classes by their range of S, with their counts. */
function classKey(): HTMLElement {
  const { thresholds, classes, shownClasses } = summary;
  const between = `S from ${signed(thresholds.misaligned)} to ${signed(thresholds.critical)}`;
  const range: Record<NecessityClass, string> = {
    misaligned: `S below ${signed(thresholds.misaligned)}`,
    redundant: between,
    neither: between,
    critical: `S above ${signed(thresholds.critical)}`,
    'text-only': 'no image, not in the chart',
  };
  const order = (Object.keys(range) as NecessityClass[]).filter((name) => shownClasses.includes(name));
  return h(
    'ul',
    { class: 'key inline' },
    order.map((name) =>
      h(
        'li',
        null,
        mark(name, null),
        h('b', null, `${count(classes![name])} ${CLASS_TITLE[name].toLowerCase()}`),
        h('span', { class: 'quiet' }, `, ${range[name]}`),
      ),
    ),
  );
}

function histogram(): HTMLElement {
  const { bins, thresholds, selections } = summary;
  const selected = selections.length > 0;
  const main = selections[0];
  const rate = main === undefined ? 0 : main.kept / summary.total;
  const { kept, dropped } = pieces(bins);
  const totals = bins.map((bin) => sum(bin.kept) + sum(bin.dropped));
  const top = Math.max(...totals);
  const host = h('div', { class: 'chart' });
  const marker = h('div', { class: 'bin-marker', 'aria-hidden': 'true' });
  let chart: ReturnType<typeof plot> | null = null;

  const range = (b: number): string => {
    const bin = bins[b]!;
    if (b === 0) return `S below ${signed(bin.to)}`;
    if (b === bins.length - 1) return `S of ${signed(bin.from)} and more`;
    return `S from ${signed(bin.from)} to ${signed(bin.to)}`;
  };
  const step = stepper(host, {
    label:
      'Histogram of necessity. Arrow keys walk through the bars, Enter shows only that bar on the map and in the table.',
    count: bins.length,
    hint: 'Point at a bar, or focus the chart and use the arrow keys. Click or Enter: show only that bar on the map and in the table.',
    describe: (b) => {
      const bin = bins[b]!;
      const fate = selected
        ? `: ${count(sum(bin.kept))} kept, ${count(sum(bin.dropped))} dropped; random would keep ${number(rate * totals[b]!, 1)}`
        : '';
      return `${range(b)}: ${count(totals[b]!)} samples${fate}.`;
    },
    highlight: (b) => {
      marker.hidden = b === null || chart === null;
      if (b === null || chart === null) return;
      const scale = chart.scale('x')!;
      const left = scale.apply(bins[b]!.from) as number;
      const right = scale.apply(bins[b]!.to) as number;
      marker.style.left = `${left}px`;
      marker.style.width = `${right - left}px`;
    },
    choose: (b) => {
      const same = filter.range !== null && filter.range[0] === lower(b);
      filter.range = same ? null : [lower(b), upper(b)];
      filterChanged();
    },
  });
  const lower = (b: number): number => (b === 0 ? Number.NEGATIVE_INFINITY : bins[b]!.from);
  const upper = (b: number): number => (b === bins.length - 1 ? Number.POSITIVE_INFINITY : bins[b]!.to);
  const binAt = (event: MouseEvent): number | null => {
    if (chart === null) return null;
    const x = event.clientX - host.getBoundingClientRect().left;
    const s = chart.scale('x')!.invert!(x) as number;
    const b = bins.findIndex((bin) => s >= bin.from && s < bin.to);
    return b < 0 ? null : b;
  };
  host.addEventListener('pointermove', (event) => step.show(binAt(event)));
  host.addEventListener('pointerleave', () => step.show(null));
  host.addEventListener('click', (event) => {
    const b = binAt(event);
    if (b === null) return;
    filter.range = filter.range !== null && filter.range[0] === lower(b) ? null : [lower(b), upper(b)];
    filterChanged();
  });

  onWidth(host, (width) => {
    const narrow = width < 560;
    chart = plot({
      width,
      height: narrow ? 260 : 380,
      marginTop: 16,
      marginLeft: narrow ? 36 : 48,
      marginRight: 12,
      marginBottom: 40,
      style: { background: 'transparent', fontSize: '13px', fontFamily: 'inherit', overflow: 'visible' },
      x: {
        label: 'necessity S, nats/token →',
        labelAnchor: 'right',
        ticks: narrow ? 5 : 9,
        tickFormat: (v: number) => signed(v, 1),
      },
      y: { label: null, grid: true, ticks: Math.min(5, top), tickFormat: (v: number) => count(v) },
      marks: [
        rectY(dropped, {
          x1: 'x1',
          x2: 'x2',
          y1: 'y1',
          y2: 'y2',
          fill: (d: Piece) => `var(--${d.name}-soft)`,
          stroke: (d: Piece) => `var(--${d.name})`,
          strokeWidth: 1,
          insetLeft: 0.5,
          insetRight: 0.5,
        }),
        rectY(kept, {
          x1: 'x1',
          x2: 'x2',
          y1: 'y1',
          y2: 'y2',
          fill: (d: Piece) => `var(--${d.name})`,
          stroke: (d: Piece) => `var(--${d.name})`,
          strokeWidth: 1,
          insetLeft: 0.5,
          insetRight: 0.5,
        }),
        selected
          ? line(
              bins.flatMap((bin, b) => [
                { x: bin.from, y: rate * totals[b]! },
                { x: bin.to, y: rate * totals[b]! },
              ]),
              { x: 'x', y: 'y', stroke: 'var(--ink)', strokeWidth: 1.25, strokeDasharray: '3 3' },
            )
          : null,
        ruleY([0], { stroke: 'var(--muted)' }),
        ruleX([thresholds.misaligned, thresholds.critical], {
          stroke: 'var(--ink)',
          strokeWidth: 1,
          y1: 0,
          y2: top * 1.04,
          strokeOpacity: 0.6,
        }),
      ],
    });
    asPicture(chart, `Histogram of necessity over ${count(summary.scored)} samples`);
    host.replaceChildren(chart, marker);
    step.show(null);
  });
  const words = selected
    ? `Bars are filled for samples that ${main!.title} kept and hollow for those it dropped. The dashed line is what random choice would keep.`
    : 'Bars count samples; thresholds are drawn as lines.';
  return figure('Distribution of necessity.', words, classKey(), host, step.readout);
}

/** Loss without the image over loss with it. */
function losses(): HTMLElement | null {
  const { multimodal, blind } = samples;
  if (multimodal === null || blind === null) return null;
  const finite = [...multimodal, ...blind].filter((v) => v !== null).sort((a, b) => a - b);
  const top = Math.max(0.1, (finite[Math.floor(0.997 * (finite.length - 1))] ?? 1) * 1.05);
  const cap = (v: number | null): number => (v === null ? Number.NaN : Math.min(v, top));
  const { critical, misaligned } = summary.thresholds;
  const chart = pointChart({
    label: 'Loss without the image against loss with it, one point per sample',
    height: (width) => Math.min(520, Math.max(300, width * 0.5)),
    x: multimodal.map((loss, i) => (classAt(i) === 'text-only' ? Number.NaN : cap(loss))),
    y: blind.map(cap),
    xDomain: [0, top],
    yDomain: [0, top],
    spread: 10,
    axes: { x: 'loss with the image, nats/token →', y: '↑ loss without the image, nats/token' },
    lines: [
      { from: [0, critical], to: [top - critical, top], name: 'critical' },
      { from: [-misaligned, 0], to: [top, top + misaligned], name: 'misaligned' },
    ],
  });
  return figure(
    'Loss without the image against loss with it.',
    'One point per sample: click it to see its picture. On the diagonal the image makes no difference; above it the image helps, below it the image hurts.',
    chart,
  );
}
