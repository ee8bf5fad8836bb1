import type { Summary } from './run.ts';

const WIDTH = 720;
const HEIGHT = 440;
const LEFT = 64;
const RIGHT = 130;
const TOP = 40;
const BOTTOM = 48;
const COLOURS = ['#1b6ca8', '#c8553d', '#3a7d44', '#7b4fa3', '#b8860b', '#2f9c95', '#8c4a5a', '#555555'];

/**
 * Processor time of selection alone against rows, one line a method, both axes logarithmic: growth in proportion is a
 * slope of 1. Processor time and not seconds, because it hardly depends on what else the machine does.
 */
export function drawGrowth(results: Readonly<Record<string, Record<string, { alone: Summary }>>>): string {
  const lines = Object.entries(results).map(([name, bySize]) => ({
    name,
    points: Object.entries(bySize).map(([rows, { alone }]) => ({ rows: Number(rows), cpu: alone.cpu })),
  }));
  const all = lines.flatMap(({ points }) => points);
  const x = scale(
    all.map(({ rows }) => rows),
    LEFT,
    WIDTH - RIGHT,
  );
  const y = scale(
    all.map(({ cpu }) => cpu),
    HEIGHT - BOTTOM,
    TOP,
  );
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${LEFT}" y="20" font-size="14">Selection alone, start and reading included: processor time of all threads, median</text>`,
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 10}" text-anchor="middle">rows</text>`,
    `<text transform="translate(16 ${HEIGHT / 2}) rotate(-90)" text-anchor="middle">seconds</text>`,
  ];
  for (const rows of new Set(all.map((point) => point.rows))) {
    parts.push(
      `<path d="M${x(rows)} ${TOP}V${HEIGHT - BOTTOM}" stroke="#ddd"/>`,
      `<text x="${x(rows)}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle">${Math.round(rows / 1000)}k</text>`,
    );
  }
  const highest = Math.max(...all.map(({ cpu }) => cpu));
  const lowest = Math.min(...all.map(({ cpu }) => cpu));
  for (const tick of [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100].filter((one) => one >= lowest && one <= highest)) {
    parts.push(
      `<path d="M${LEFT} ${y(tick)}H${WIDTH - RIGHT}" stroke="#ddd"/>`,
      `<text x="${LEFT - 6}" y="${Number(y(tick)) + 4}" text-anchor="end">${tick}</text>`,
    );
  }
  // Labels keep a line's height from each other.
  let below = Number.POSITIVE_INFINITY;
  const byEnd = lines.toSorted((a, b) => b.points.at(-1)!.cpu - a.points.at(-1)!.cpu).reverse();
  for (const [i, { name, points }] of byEnd.entries()) {
    const colour = COLOURS[i % COLOURS.length]!;
    const path = points.map(({ rows, cpu }, at) => `${at === 0 ? 'M' : 'L'}${x(rows)} ${y(cpu)}`).join('');
    const dots = points.map(({ rows, cpu }) => `<circle cx="${x(rows)}" cy="${y(cpu)}" r="3" fill="${colour}"/>`);
    below = Math.min(Number(y(points.at(-1)!.cpu)) + 4, below - 14);
    parts.push(
      `<path d="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      ...dots,
      `<text x="${WIDTH - RIGHT + 8}" y="${below.toFixed(1)}" fill="${colour}">${name}</text>`,
    );
  }
  return `${[...parts, '</svg>'].join('\n')}\n`;
}

function scale(values: readonly number[], from: number, to: number): (value: number) => string {
  const low = Math.log(Math.min(...values));
  const high = Math.log(Math.max(...values));
  return (value) => (from + ((Math.log(value) - low) / (high - low || 1)) * (to - from)).toFixed(1);
}
