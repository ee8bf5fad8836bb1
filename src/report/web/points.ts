import { number, shorten, signed } from '../words.ts';
import { h, onWidth } from './dom.ts';
import { classAt, hasSelection, isKept, onFilter, passes, pin, samples, total } from './state.ts';
import { colour, onTheme } from './theme.ts';
import { hideTip, showTip } from './tip.ts';

export interface PointChartOptions {
  label: string;
  height: (width: number) => number;
  /** Coordinates of every sample; NaN: not drawn. */
  x: ArrayLike<number>;
  y: ArrayLike<number>;
  xDomain: [number, number];
  yDomain: [number, number];
  /** Axis titles; without them there are no axes. */
  axes?: { x: string; y: string };
  lines?: { from: [number, number]; to: [number, number]; name: string }[];
  /** Words at places of the chart. */
  labels?: () => { x: number; y: number; text: string; strong: boolean }[];
}

/**
 * A scatter of all samples on a canvas: filled when kept, hollow when dropped, in the hue of their class.
 * Pointer: hover tells, click pins. Keyboard: one Tab stop; arrows go to the nearest sample in that direction, Enter pins.
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
    : { left: 14, right: 14, top: 18, bottom: 14 };
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

  function draw(): void {
    const context = canvas.getContext('2d');
    if (context === null || width === 0) return;
    const ratio = Math.max(1, devicePixelRatio);
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    canvas.style.height = `${height}px`;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const hue = {
      critical: colour('critical'),
      redundant: colour('redundant'),
      misaligned: colour('misaligned'),
      none: colour('muted'),
    };
    if (options.axes) drawAxes(context, options, { width, height, margin, sx, sy });
    for (const l of options.lines ?? []) {
      context.strokeStyle = colour('muted');
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(sx(l.from[0]), sy(l.from[1]));
      context.lineTo(sx(l.to[0]), sy(l.to[1]));
      context.stroke();
    }
    const shown: number[] = [];
    const radius = total > 6000 ? 1.9 : total > 1500 ? 2.6 : 3.4;
    context.fillStyle = colour('rule');
    for (let i = 0; i < total; i++) {
      px[i] = sx(options.x[i]!);
      py[i] = sy(options.y[i]!);
      if (Number.isNaN(px[i]!) || Number.isNaN(py[i]!)) continue;
      if (passes(i)) shown.push(i);
      else {
        context.beginPath();
        context.arc(px[i]!, py[i]!, radius * 0.55, 0, 7);
        context.fill();
      }
    }
    const selected = hasSelection();
    context.lineWidth = 1;
    for (const layer of selected ? [false, true] : [true]) {
      for (const i of shown) {
        if (selected && isKept(i) !== layer) continue;
        const c = hue[classAt(i) ?? 'none'];
        context.beginPath();
        context.arc(px[i]!, py[i]!, layer ? radius : radius - 0.4, 0, 7);
        context.globalAlpha = layer ? 0.92 : 0.6;
        if (layer) {
          context.fillStyle = c;
          context.fill();
          context.globalAlpha = 1;
          context.strokeStyle = colour('card');
          context.lineWidth = 0.6;
          context.stroke();
        } else {
          context.strokeStyle = c;
          context.lineWidth = 1;
          context.stroke();
        }
      }
    }
    context.globalAlpha = 1;
    drawLabels(context, options.labels?.() ?? [], sx, sy, width);
    if (current !== null) {
      context.strokeStyle = colour('ink');
      context.lineWidth = 2;
      context.beginPath();
      context.arc(px[current]!, py[current]!, radius + 5, 0, 7);
      context.stroke();
    }
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
    draw();
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

interface Frame {
  width: number;
  height: number;
  margin: { left: number; right: number; top: number; bottom: number };
  sx: (v: number) => number;
  sy: (v: number) => number;
}

function drawAxes(context: CanvasRenderingContext2D, options: PointChartOptions, frame: Frame): void {
  const { width, height, margin, sx, sy } = frame;
  context.font = `13px ${getComputedStyle(document.body).fontFamily}`;
  context.lineWidth = 1;
  const span = options.xDomain[1] - options.xDomain[0];
  const raw = span / Math.max(3, Math.floor(width / 130));
  const power = 10 ** Math.floor(Math.log10(raw));
  const unit = [1, 2, 5, 10].map((m) => m * power).find((m) => m >= raw) ?? power * 10;
  for (let v = 0; v <= options.xDomain[1]; v += unit) {
    context.strokeStyle = colour('rule');
    context.fillStyle = colour('muted');
    context.beginPath();
    context.moveTo(sx(v), margin.top);
    context.lineTo(sx(v), height - margin.bottom);
    context.moveTo(margin.left, sy(v));
    context.lineTo(width - margin.right, sy(v));
    context.stroke();
    const label = number(v, unit < 1 ? 1 : 0);
    context.textAlign = 'center';
    context.fillText(label, sx(v), height - margin.bottom + 16);
    context.textAlign = 'right';
    context.fillText(label, margin.left - 6, sy(v) + 4);
  }
  context.fillStyle = colour('muted');
  context.textAlign = 'right';
  context.fillText(options.axes!.x, width - margin.right, height - 6);
  context.textAlign = 'left';
  context.fillText(options.axes!.y, 4, 14);
}

function drawLabels(
  context: CanvasRenderingContext2D,
  labels: readonly { x: number; y: number; text: string; strong: boolean }[],
  sx: (v: number) => number,
  sy: (v: number) => number,
  width: number,
): void {
  context.textBaseline = 'middle';
  context.lineJoin = 'round';
  const taken: { x: number; y: number; half: number }[] = [];
  for (const label of labels) {
    context.font = `${label.strong ? 700 : 600} 12px ${getComputedStyle(document.body).fontFamily}`;
    const half = context.measureText(label.text).width / 2;
    const x = Math.min(width - half - 4, Math.max(half + 4, sx(label.x)));
    const y = Math.max(10, sy(label.y));
    if (taken.some((other) => Math.abs(other.x - x) < other.half + half + 4 && Math.abs(other.y - y) < 15)) continue;
    taken.push({ x, y, half });
    context.textAlign = 'center';
    context.lineWidth = 4;
    context.strokeStyle = colour('card');
    context.strokeText(label.text, x, y);
    context.fillStyle = colour('ink');
    context.fillText(label.text, x, y);
  }
  context.textBaseline = 'alphabetic';
}
