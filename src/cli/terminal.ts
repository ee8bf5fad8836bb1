import { styleText } from 'node:util';
import { ownStyle } from '../base/terminal-text.ts';

/** Help is no wider than this, however wide the terminal: longer lines are hard to read. */
const WIDEST_HELP = 120;

/**
 * Columns that a line may take: `COLUMNS` where it is set, else those of the terminal. A pipe or a file has no width:
 * what reads it wants whole lines.
 */
export function widthOf(
  stream: { columns?: number | undefined; isTTY?: boolean | undefined },
  env: NodeJS.ProcessEnv = process.env,
): number {
  const asked = Number(env.COLUMNS);
  if (Number.isInteger(asked) && asked > 0) return asked;
  return stream.isTTY === true && stream.columns !== undefined && stream.columns > 0
    ? stream.columns
    : Number.POSITIVE_INFINITY;
}

/** The width of help, which is broken in a pipe too. */
export function helpWidthOf(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv = process.env): number {
  const width = widthOf(stream, env);
  return Number.isFinite(width) ? Math.min(width, WIDEST_HELP) : 80;
}

/** The width of a drawn summary, which needs one. */
export function drawingWidthOf(stream: NodeJS.WriteStream): number {
  const width = widthOf(stream);
  return Number.isFinite(width) ? width : 100;
}

/**
 * Whether to colour: never with `NO_COLOR` (https://no-color.org), always with `FORCE_COLOR`, else where a terminal
 * that knows colours reads.
 */
export function hasColour(stream: { isTTY?: boolean | undefined }, env: NodeJS.ProcessEnv = process.env): boolean {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false;
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false';
  return stream.isTTY === true && env.TERM !== 'dumb';
}

/** One text in one style; `on`: whether the reader knows colours. */
export function paint(on: boolean, style: Parameters<typeof styleText>[0], text: string): string {
  if (!on) return text;
  const [before = '', after = ''] = styleText(style, '\0', { validateStream: false }).split('\0');
  return `${ownStyle(before)}${text}${ownStyle(after)}`;
}
