import { signals } from './registry.ts';

/** Options that make a column which a signal doesn't have by default. */
const BY_OPTION: Readonly<Record<string, { params: Record<string, unknown>; flags: string }>> = {
  response: { params: { text: 'response' }, flags: ' --text response' },
  both: { params: { text: 'both' }, flags: ' --text both' },
  nll_direct: { params: { direct: true }, flags: ' --direct' },
  nll_image_only: { params: { imageOnly: true }, flags: ' --image-only' },
  token_mm: { params: { perToken: true }, flags: ' --per-token' },
};

/**
 * The command that measures a column: of the signal that has it by default, or with the option that makes it. Undefined where no signal has such a column:
 * it is measured elsewhere.
 */
export function commandFor(column: string): string | undefined {
  // Later checkpoints are measured as the first one is, each by its own run.
  const wanted = column.replace(/^gradient_\d+$/, 'gradient_1');
  const { params: given = {}, flags = '' } = BY_OPTION[column] ?? {};
  const signal = signals.find((one) => {
    const params = one.params.safeParse(given);
    if (!params.success) return false;
    // `necessity` is a name for `necessity_masked`, whichever variant was measured.
    return one.columns(params.data).some(({ name }) => name === wanted || name === `${wanted}_masked`);
  });
  return signal === undefined ? undefined : `winnow score ${signal.name}${flags}`;
}
