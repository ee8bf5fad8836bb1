import { Option } from 'commander';
import { findSelector, selectors } from '../../select/registry.ts';
import { action, type CommandContext, type Outcome, withDryRun } from '../command.ts';
import { wholeNumber } from '../option-numbers.ts';
import type { Register } from '../program.ts';
import { addSchemaOptions, schemaValues } from '../schema-options.ts';

interface Given extends Record<string, unknown> {
  budget?: string;
  seed?: string;
  dataset?: string;
  name?: string;
  blind?: string;
  reference?: string;
}

async function run(method: string, context: CommandContext, given: Given): Promise<Outcome> {
  const seed = given.seed === undefined ? undefined : wholeNumber('--seed', given.seed, 0, 0xffffffff);
  const { openProject } = await import('../../store/project.ts');
  const { runSelection } = await import('../../select/run.ts');
  const { selectionText } = await import('../../report/selection-text.ts');
  await using project = await openProject(context.project, { note: context.note });
  const result = await runSelection(project, {
    method,
    budget: given.budget,
    seed,
    options: schemaValues(findSelector(method).options, given),
    dataset: given.dataset,
    name: given.name,
    blind: given.blind,
    reference: given.reference,
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
      .summary(selector.title)
      .description(`${selector.title}. ${selector.summary}\nSource: ${selector.source}`)
      .option('-b, --budget <amount>', 'how much to keep: 15% or a number of samples (default: that of winnow.yaml)')
      .option('--seed <n>', 'seed of everything random (default: that of winnow.yaml, else 42)')
      .option('-d, --dataset <name>', 'data set of the project (default: the first)')
      .option('-n, --name <name>', 'name of the selection (default: <method>-<budget>-s<seed>)')
      .addOption(
        new Option(
          '--blind <variant>',
          'blind loss that necessity is taken from (default: the first of the latest loss)',
        ).choices(['masked', 'drop', 'remove']),
      );
    if (selector.referenceNeeds !== undefined) {
      command.option('-r, --reference <name>', 'data set of the project that stands for the target');
    }
    addSchemaOptions(command, selector.options);
    withDryRun(command).action(action(session, (context, given: Given) => run(selector.name, context, given)));
  }
};
