import { findSelector, selectors } from '../../select/registry.ts';
import { action, type CommandContext, type Outcome, withDryRun } from '../command.ts';
import type { Register } from '../program.ts';
import { addSchemaOptions, schemaValues } from '../schema-options.ts';

async function run(method: string, context: CommandContext, given: Record<string, unknown>): Promise<Outcome> {
  const { openProject } = await import('../../store/project.ts');
  const { runSelection } = await import('../../select/run.ts');
  const { selectionText } = await import('../../report/selection-text.ts');
  await using project = await openProject(context.project);
  const result = await runSelection(project, {
    method,
    budget: String(given.budget),
    seed: Number(given.seed),
    options: schemaValues(findSelector(method).options, given),
    dataset: given.dataset as string | undefined,
    name: given.name as string | undefined,
    blind: given.blind as string | undefined,
    dryRun: context.dryRun,
    signal: context.signal,
    progress: (done, total, what) => context.progress.update(done, total, what),
  });
  return { document: result, text: () => selectionText(result) };
}

/** `winnow select <method>`: choose a subset for a budget, with random subsets of the same size beside it. */
export const register: Register = (program, session) => {
  const select = program
    .command('select')
    .description('choose the best subset for a budget, beside random subsets of the same size');
  for (const selector of selectors) {
    const command = select
      .command(selector.name)
      .description(`${selector.title}. ${selector.summary} (${selector.source})`)
      .requiredOption('-b, --budget <amount>', 'how much to keep: 15% or a number of samples')
      .option('--seed <n>', 'seed of everything random', '42')
      .option('-d, --dataset <name>', 'data set of the project (default: the first)')
      .option('-n, --name <name>', 'name of the selection (default: <method>-<budget>-s<seed>)')
      .option(
        '--blind <variant>',
        'which blind loss necessity is taken from: masked, drop or remove (default: the one scored last)',
      );
    addSchemaOptions(command, selector.options);
    withDryRun(command).action(
      action(session, (context, given: Record<string, unknown>) => run(selector.name, context, given)),
    );
  }
};
