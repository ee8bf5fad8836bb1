import { optionFlags } from '../../base/cli-flags.ts';
import { signals } from '../measured/registry.ts';
import type { Signal } from '../signal.ts';

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
 * What measures a column: a signal that has it by default, or with the options that make it. Undefined where no signal
 * has such a column: it is measured elsewhere.
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

/**
 * Option by which a signal is told of a proxy, for columns that methods mean of one: its checkpoints in their order, or
 * its last.
 */
const OF_PROXY: Readonly<Record<string, 'checkpoints' | 'model'>> = {
  nll_trajectory: 'checkpoints',
  attention_sv: 'checkpoints',
  gradient_1: 'checkpoints',
  el2n: 'model',
  aum: 'model',
  coincide: 'model',
};

/** Whether methods mean a signal's columns of a tuned proxy, at the end of its training. */
export function isOfTunedProxy(signal: Signal): boolean {
  const params = signal.params.safeParse({});
  return params.success && signal.columns(params.data).some(({ name }) => OF_PROXY[name] === 'model');
}

/**
 * The command that measures a column as methods mean it, with the training of a proxy where it takes one; undefined as
 * in {@link makerOf}.
 */
export function commandFor(column: string): string | undefined {
  const maker = makerOf(column);
  if (maker === undefined) return undefined;
  const proxy = OF_PROXY[column.replace(/^gradient_\d+$/, 'gradient_1')];
  const options = { ...maker.options, ...(proxy === undefined ? {} : { [proxy]: 'proxy' }) };
  const training = proxy === undefined ? '' : 'winnow train --recipe proxy && ';
  return `${training}winnow score ${maker.signal.name}${optionFlags(options)}`;
}
