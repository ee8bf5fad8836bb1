import { optionFlags } from '../../base/cli-flags.ts';
import type { Project } from '../../store/project.ts';
import { listRuns, type Run } from '../../store/runs.ts';
import { signals } from '../measured/registry.ts';
import type { Signal } from '../signal.ts';
import type { Pass } from './cost-model.ts';

/** A signal, and the options with which it has a column. */
export interface Provider {
  signal: Signal;
  options: Record<string, unknown>;
}

/**
 * What measures a column: a signal that has it by default, or with the options that make it. Undefined where no signal
 * has such a column: it is measured elsewhere.
 */
export function providerOf(column: string): Provider | undefined {
  // Later checkpoints are measured as the first one is.
  const wanted = column.replace(/^gradient_\d+/, 'gradient_1');
  const candidates = signals.flatMap((signal) =>
    [{}, ...(signal.variants ?? [])].map((options) => ({ signal, options })),
  );
  const found = candidates.find(({ signal, options }) => {
    const params = signal.params.safeParse(options);
    if (!params.success) return false;
    // `necessity` is a name for `necessity_masked`, whichever variant was measured.
    return signal.columns(params.data).some(({ name }) => name === wanted || name === `${wanted}_masked`);
  });
  return found;
}

/** Checkpoints that LESS means where nobody says how many. */
const GRADIENTS = 4;

/**
 * The command that measures a column as methods mean it: training runs that serve are not trained again, and a column
 * of a later checkpoint than the run `proxy` has wants a run of its own. Undefined as in {@link providerOf}.
 *
 * @param runs those of the project
 */
export function commandFor(column: string, runs: readonly Run[] = []): string | undefined {
  const provider = providerOf(column);
  if (provider === undefined) return undefined;
  const { proxy } = provider.signal;
  const checkpoint = Number(/^gradient_(\d+)$/.exec(column)?.[1] ?? 1);
  const run = proxy === undefined ? undefined : proxyRun(runs, checkpoint);
  const options = { ...provider.options, [proxy ?? '']: run?.name };
  const training = run?.training === undefined ? '' : `${run.training} && `;
  return `${training}winnow score ${provider.signal.name}${optionFlags(options)}`;
}

/** {@link commandFor} in a project. */
export async function commandIn(project: Project, column: string): Promise<string | undefined> {
  return commandFor(column, await listRuns(project));
}

/** The run that has so many checkpoints, and the command that makes it where it isn't there whole. */
function proxyRun(runs: readonly Run[], checkpoints: number): { name: string; training?: string } {
  const usual = runs.find(({ head }) => head.name === 'proxy');
  if (usual === undefined) return { name: 'proxy', training: 'winnow train --recipe proxy' };
  if (usual.finished && usual.checkpoints.length >= checkpoints) return { name: 'proxy' };
  const count = Math.max(checkpoints, GRADIENTS);
  const name = `proxy-${count}`;
  const training = `winnow train --recipe proxy --name ${name} --checkpoints ${count}`;
  return { name, training: runs.some(({ head, finished }) => head.name === name && finished) ? undefined : training };
}

/** Passes behind a column that a signal measures; undefined where none does. */
export function passesOf(column: string): readonly Pass[] | undefined {
  return providerOf(column)?.signal.passes(column);
}
