import { signals } from './registry.ts';
import type { Signal } from './signal.ts';

/** A signal, and the options with which it has a column. */
export interface Maker {
  signal: Signal;
  options: Record<string, unknown>;
}

/** Options that make a signal's further columns. */
const TRIED: Readonly<Record<string, readonly Record<string, unknown>[]>> = {
  loss: [{ direct: true }, { imageOnly: true }, { blind: ['drop'] }, { blind: ['remove'] }, { perToken: true }],
  'text-embedding': [{ text: 'response' }, { text: 'both' }],
};

/**
 * What measures a column: a signal that has it by default, or with the options that make it. Undefined where no signal has such a column: it is
 * measured elsewhere.
 */
export function makerOf(column: string): Maker | undefined {
  // Later checkpoints are measured as the first one is.
  const wanted = column.replace(/^gradient_\d+/, 'gradient_1');
  const candidates = signals.flatMap((signal) =>
    [{}, ...(TRIED[signal.name] ?? [])].map((options) => ({ signal, options })),
  );
  const found = candidates.find(({ signal, options }) => {
    const params = signal.params.safeParse(options);
    if (!params.success) return false;
    // `necessity` is a name for `necessity_masked`, whichever variant was measured.
    return signal.columns(params.data).some(({ name }) => name === wanted || name === `${wanted}_masked`);
  });
  return found;
}

/** The command that measures a column; undefined as in {@link makerOf}. */
export function commandFor(column: string): string | undefined {
  const maker = makerOf(column);
  if (maker === undefined) return undefined;
  const flags = Object.entries(maker.options).map(([name, value]) =>
    value === true ? ` --${kebab(name)}` : ` --${kebab(name)} ${String(value)}`,
  );
  return `winnow score ${maker.signal.name}${flags.join('')}`;
}

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
