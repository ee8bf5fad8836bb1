import { signals } from './registry.ts';

/** Column that an option makes: the command has to say it. */
const OPTION_OF: Readonly<Record<string, string>> = { response: ' --text response', both: ' --text both' };

/**
 * The command that measures a column: of the signal that has it by default, or with the option that names it. Undefined where no signal has such a column:
 * it is measured elsewhere.
 */
export function commandFor(column: string): string | undefined {
  // Later checkpoints are measured as the first one is, each by its own run.
  const wanted = column in OPTION_OF ? 'instruction' : column.replace(/^gradient_\d+$/, 'gradient_1');
  const signal = signals.find((one) => {
    const params = one.params.safeParse({});
    if (!params.success) return false;
    // `necessity` is a name for `necessity_masked`, whichever variant was measured.
    return one.columns(params.data).some(({ name }) => name === wanted || name === `${wanted}_masked`);
  });
  return signal === undefined ? undefined : `winnow score ${signal.name}${OPTION_OF[column] ?? ''}`;
}
