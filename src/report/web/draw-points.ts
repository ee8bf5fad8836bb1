import { number } from '../format.ts';
import { classAt, hasSelection, isKept, passes, total } from './state.ts';
import { colour } from './theme.ts';

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
  /** Points that lie on each other are drawn apart by this many pixels at most. */
  spread: number;
  /** Words on the chart, given where the points lie; all in pixels. */
  labels?: (px: Float32Array, py: Float32Array) => ChartLabel[];
}

export interface ChartLabel {
  x: number;
  /** Where the words should stand: above what they name. */
  y: number;
  /** Where they go if there is no room above. */
  below: number;
  text: string;
  strong: boolean;
}

/** Dropped samples as rings, then kept ones as discs over them; what the filter hides stays as faint dots. */
export function drawPoints(context: CanvasRenderingContext2D, px: Float32Array, py: Float32Array): void {
  const crowd = total > 6000 ? 'many' : total > 1500 ? 'some' : 'few';
  const { disc, circle, alpha } = {
    many: { disc: 2.5, circle: 1.5, alpha: 0.42 },
    some: { disc: 2.8, circle: 2.2, alpha: 0.6 },
    few: { disc: 3.6, circle: 3, alpha: 0.8 },
  }[crowd];
  const hue = {
    critical: colour('critical'),
    redundant: colour('redundant'),
    neither: colour('neither'),
    'text-only': colour('text-only'),
    misaligned: colour('misaligned'),
    none: colour('muted'),
  };
  const halo = colour('card');
  const selected = hasSelection();
  const kept: number[] = [];
  const dropped: number[] = [];
  context.fillStyle = colour('rule');
  for (let i = 0; i < total; i++) {
    if (Number.isNaN(px[i]!) || Number.isNaN(py[i]!)) continue;
    if (passes(i)) (selected && !isKept(i) ? dropped : kept).push(i);
    else {
      context.beginPath();
      context.arc(px[i]!, py[i]!, 1.2, 0, 7);
      context.fill();
    }
  }
  context.lineWidth = 1;
  context.globalAlpha = alpha;
  for (const i of dropped) {
    context.strokeStyle = hue[classAt(i) ?? 'none'];
    context.beginPath();
    context.arc(px[i]!, py[i]!, circle, 0, 7);
    context.stroke();
  }
  context.globalAlpha = 1;
  context.lineWidth = 0.7;
  context.strokeStyle = halo;
  for (const i of kept) {
    context.fillStyle = hue[classAt(i) ?? 'none'];
    context.beginPath();
    context.arc(px[i]!, py[i]!, disc, 0, 7);
    context.fill();
    context.stroke();
  }
}

export interface Frame {
  width: number;
  height: number;
  margin: { left: number; right: number; top: number; bottom: number };
  sx: (v: number) => number;
  sy: (v: number) => number;
}

/** Grid, ticks and titles of both axes, and the lines of the chart. */
export function drawAxes(context: CanvasRenderingContext2D, options: PointChartOptions, frame: Frame): void {
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
  context.strokeStyle = colour('muted');
  for (const { from, to } of options.lines ?? []) {
    context.beginPath();
    context.moveTo(sx(from[0]), sy(from[1]));
    context.lineTo(sx(to[0]), sy(to[1]));
    context.stroke();
  }
}

/** Words on the chart, each with a halo; those that would run into an earlier one are left out. */
export function drawLabels(
  context: CanvasRenderingContext2D,
  labels: readonly ChartLabel[],
  width: number,
  height: number,
): void {
  context.textBaseline = 'middle';
  context.lineJoin = 'round';
  const taken: { x: number; y: number; half: number }[] = [];
  for (const label of labels) {
    context.font = `${label.strong ? 700 : 600} 12px ${getComputedStyle(document.body).fontFamily}`;
    const half = context.measureText(label.text).width / 2;
    const x = Math.min(width - half - 4, Math.max(half + 4, label.x));
    const isFree = (at: number): boolean =>
      at > 9 &&
      at < height - 9 &&
      !taken.some((other) => Math.abs(other.x - x) < other.half + half + 4 && Math.abs(other.y - at) < 15);
    const y = [label.y, label.below].find(isFree);
    if (y === undefined) continue;
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
