import { shorten, signed } from '../format.ts';
import { h, onWidth } from './dom.ts';
import { drawAxes, drawLabels, drawPoints, type PointChartOptions } from './draw-points.ts';
import { classAt, hasSelection, isKept, onFilter, passes, pin, samples, total } from './state.ts';
import { colour, onTheme } from './theme.ts';
import { hideTip, showTip } from './tip.ts';

/**
 * A scatter of all samples on a canvas: filled when kept, hollow when dropped, in the hue of their class.
 * Pointer: hover tells, click pins. Keyboard: one Tab stop; arrows go to the nearest sample in that direction, Enter
 * pins.
 */
export function pointChart(options: PointChartOptions): HTMLElement {
  const canvas = h('canvas', {
    tabindex: 0,
    role: 'application',
    'aria-label': `${options.label}. Arrow keys move from sample to sample, Enter opens one.`,
  });
  const said = h('p', { class: 'visually-hidden', 'aria-live': 'polite' });
  const host = h('div', { class: 'chart points' }, canvas, said);
  const margin = options.axes
    ? { left: 40, right: 12, top: 26, bottom: 40 }
    : { left: 30, right: 30, top: 30, bottom: 30 };
  let width = 0;
  let height = 0;
  let current: number | null = null;
  const sx = (v: number): number =>
    margin.left +
    ((v - options.xDomain[0]) / (options.xDomain[1] - options.xDomain[0])) * (width - margin.left - margin.right);
  const sy = (v: number): number =>
    height -
    margin.bottom -
    ((v - options.yDomain[0]) / (options.yDomain[1] - options.yDomain[0])) * (height - margin.top - margin.bottom);
  const px = new Float32Array(total);
  const py = new Float32Array(total);

  // The points are painted once onto a layer of their own; moving the ring is then a copy, however many there are.
  const layer = document.createElement('canvas');

  function draw(): void {
    const context = layer.getContext('2d');
    if (context === null || width === 0) return;
    const ratio = Math.max(1, devicePixelRatio);
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    layer.width = canvas.width;
    layer.height = canvas.height;
    canvas.style.height = `${height}px`;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    for (let i = 0; i < total; i++) {
      px[i] = sx(options.x[i]!);
      py[i] = sy(options.y[i]!);
    }
    spreadOverlaps(px, py, options.spread);
    if (options.axes) drawAxes(context, options, { width, height, margin, sx, sy });
    drawPoints(context, px, py);
    drawLabels(context, options.labels?.(px, py) ?? [], width, height);
    ring();
  }

  function ring(): void {
    const context = canvas.getContext('2d');
    if (context === null || width === 0) return;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(layer, 0, 0);
    if (current === null) return;
    const ratio = canvas.width / width;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.strokeStyle = colour('ink');
    context.lineWidth = 2;
    context.beginPath();
    context.arc(px[current]!, py[current]!, 8, 0, 7);
    context.stroke();
  }

  function nearest(x: number, y: number, within: number): number | null {
    let best: number | null = null;
    let distance = within * within;
    for (let i = 0; i < total; i++) {
      const d = (px[i]! - x) ** 2 + (py[i]! - y) ** 2;
      if (d < distance && passes(i)) {
        best = i;
        distance = d;
      }
    }
    return best;
  }

  function towards(dx: number, dy: number): number | null {
    if (current === null) return nearest(width / 2, height / 2, 1e9);
    let best: number | null = current;
    let cost = Number.POSITIVE_INFINITY;
    for (let i = 0; i < total; i++) {
      const along = (px[i]! - px[current]!) * dx + (py[i]! - py[current]!) * dy;
      if (!(along > 0.5)) continue;
      const across = Math.abs((px[i]! - px[current]!) * dy) + Math.abs((py[i]! - py[current]!) * dx);
      const c = along + 2 * across;
      if (c < cost && passes(i)) {
        best = i;
        cost = c;
      }
    }
    return best;
  }

  function focusOn(i: number | null, speak: boolean): void {
    if (i === current && !speak) return;
    current = i;
    ring();
    if (i === null) {
      hideTip();
      return;
    }
    const box = canvas.getBoundingClientRect();
    showTip(i, box.left + px[i]!, box.top + py[i]!);
    if (speak) said.textContent = describe(i);
  }

  canvas.addEventListener('pointermove', (event) => {
    const box = canvas.getBoundingClientRect();
    const i = nearest(event.clientX - box.left, event.clientY - box.top, 14);
    canvas.style.cursor = i === null ? 'default' : 'pointer';
    focusOn(i, false);
  });
  canvas.addEventListener('pointerleave', () => focusOn(null, false));
  canvas.addEventListener('blur', () => focusOn(null, false));
  canvas.addEventListener('click', () => current !== null && pin(current));
  canvas.addEventListener('keydown', (event) => {
    const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (way !== undefined) focusOn(towards(way[0]!, way[1]!), true);
    else if (event.key === 'Enter' && current !== null) pin(current);
    else if (event.key === 'Escape') focusOn(null, false);
    else return;
    event.preventDefault();
  });
  onWidth(host, (w) => {
    width = w;
    height = Math.round(options.height(w));
    draw();
  });
  onFilter(draw);
  onTheme(draw);
  return host;
}

function describe(i: number): string {
  const fate = hasSelection() ? (isKept(i) ? 'kept, ' : 'dropped, ') : '';
  return `${samples.id[i]}: ${fate}${classAt(i) ?? 'not scored'}, necessity ${signed(samples.necessity?.[i], 2)}. ${shorten(samples.question?.[i] ?? '', 80)}`;
}

/** Pixels between points that are laid around one place. */
const GAP = 5;

/**
 * Lays points that would hide each other around their common place, as the seeds of a sunflower, so that each can be
 * seen and chosen. No point moves further than `most` pixels.
 */
function spreadOverlaps(px: Float32Array, py: Float32Array, most: number): void {
  const cell = (i: number): number => Math.round(px[i]!) * 65_536 + Math.round(py[i]!);
  const sizes = new Map<number, number>();
  for (let i = 0; i < total; i++)
    if (!Number.isNaN(px[i]!) && !Number.isNaN(py[i]!)) sizes.set(cell(i), (sizes.get(cell(i)) ?? 0) + 1);
  const placed = new Map<number, number>();
  for (let i = 0; i < total; i++) {
    const key = cell(i);
    const size = sizes.get(key) ?? 1;
    if (size === 1) continue;
    const n = placed.get(key) ?? 0;
    placed.set(key, n + 1);
    const radius = Math.min(GAP * 0.7, most / Math.sqrt(size)) * Math.sqrt(n);
    px[i] = px[i]! + radius * Math.cos(n * 2.399963);
    py[i] = py[i]! + radius * Math.sin(n * 2.399963);
  }
}
