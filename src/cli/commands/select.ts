import { Command, Option } from 'commander';
import { CostOptions } from '../../cost/gpu-hours.ts';
import type { StageRequest } from '../../select/compose/request.ts';
import { findSelector, selectors } from '../../select/methods/find.ts';
import type { Selector } from '../../select/selector.ts';
import { HTTP_VARIANTS, IN_PROCESS_VARIANTS } from '../../signals/measured/row-loss.ts';
import { action, type CommandContext, type Outcome, withDryRun } from '../command.ts';
import { wholeNumber } from '../option-numbers.ts';
import type { Register, VerbFacts } from '../program.ts';
import { addSchemaOptions, schemaValues } from '../schema-options.ts';
import { widthOf } from '../terminal.ts';

interface StageGiven extends Record<string, unknown> {
  budget?: string;
  pass?: string;
  reference?: string;
}

interface Given extends StageGiven {
  seed?: string;
  dataset?: string;
  name?: string;
  replace?: true;
  blind?: string;
  from?: string;
  quota?: string[];
  floor?: string[];
  max?: string[];
  alwaysKeep?: string[];
  neverKeep?: string[];
}

async function run(
  method: string,
  context: CommandContext,
  given: Given,
  before: readonly (readonly string[])[],
): Promise<Outcome> {
  const seed = given.seed === undefined ? undefined : wholeNumber('--seed', given.seed, 0, 0xffffffff);
  const earlier = before.map(parseStage);
  const { openProject } = await import('../../store/project.ts');
  const { runSelection } = await import('../../select/run.ts');
  const { selectionText } = await import('../../report/selection-text.ts');
  await using project = await openProject(context.project, { note: context.note });
  const result = await runSelection(project, {
    ...stageRequest(method, given),
    ...schemaValues(CostOptions, given),
    before: earlier,
    from: given.from,
    quota: given.quota,
    floor: given.floor,
    max: given.max,
    alwaysKeep: given.alwaysKeep,
    neverKeep: given.neverKeep,
    seed,
    dataset: given.dataset,
    name: given.name,
    replace: given.replace,
    blind: given.blind,
    dryRun: context.dryRun,
    signal: context.signal,
    progress: (done, total, what) => context.progress.update(done, total, what),
  });
  return { document: result, text: () => selectionText(result, widthOf(process.stdout)) };
}

function stageRequest(method: string, given: StageGiven): StageRequest {
  const { budget, pass, reference } = given;
  return { method, budget, pass, reference, options: schemaValues(findSelector(method).options, given) };
}

/** A stage before the last: its method and its own options. @throws CommanderError */
function parseStage(words: readonly string[]): StageRequest {
  const [method = '', ...options] = words;
  const command = addStageOptions(new Command(method), findSelector(method));
  command.exitOverride().configureOutput({ writeErr: () => {}, outputError: () => {} });
  command.parse(options, { from: 'user' });
  return stageRequest(method, command.opts());
}

/** What every stage of a pipeline has: how much it keeps, and the options of its method. */
function addStageOptions(command: Command, selector: Selector): Command {
  command
    .option(
      '-b, --budget <amount>',
      'samples to keep: 15% of the pool, 5000, "2M tokens" or "10 gpu-hours" (default: as in winnow.yaml)',
    )
    .option('--pass <amount>', 'instead of --budget: share or number to keep of what reaches this stage, e.g. 60%');
  if (selector.referenceNeeds !== undefined) {
    command.option('-r, --reference <dataset>', 'data set of the project that represents the target task');
  }
  addSchemaOptions(command, selector.options);
  return command;
}

const collect = (value: string, all: string[] = []): string[] => [...all, value];

/** What is said once of a whole selection, after its last stage. */
function addSelectionOptions(command: Command): Command {
  command
    .option('--from <selection>', 'choose among the samples of an earlier selection')
    .option(
      '--quota <source=amount>',
      'exact amount from a source: gqa=20% of the samples kept, or gqa=500; repeatable',
      collect,
    )
    .option('--floor <source=amount>', 'minimum amount from a source; repeatable', collect)
    .option('--max <source=amount>', 'maximum amount from a source; repeatable', collect)
    .option(
      '--always-keep <ids>',
      'samples to keep in any case: a file of ids, an earlier selection, or ids; repeatable',
      collect,
    )
    .option(
      '--never-keep <ids>',
      'samples to drop in any case: a file of ids, an earlier selection, or ids; repeatable',
      collect,
    )
    .option('--seed <n>', 'random seed (default: as in winnow.yaml, else 42)')
    .option('-d, --dataset <dataset>', 'data set of the project (default: the first)')
    .option('-n, --name <name>', 'name of the selection (default: <method>-<options>-<budget>-s<seed>)')
    .option('--replace', 'replace a selection of that name that another command made')
    .addOption(
      new Option(
        '--blind <variant>',
        'loss without the image that necessity is computed from (default: the first of the latest loss)',
      ).choices([...IN_PROCESS_VARIANTS, ...HTTP_VARIANTS]),
    );
  addSchemaOptions(command, CostOptions);
  return withDryRun(command);
}

/** @public Read by `scripts/write-registries.mjs`. */
export const verb: VerbFacts = { order: 90, group: 'Choose:', summary: 'Choose a subset for a budget' };

/**
 * `winnow select <method>`: choose a subset for a budget, with random subsets of the same size beside it; methods in a
 * row with `then`.
 */
export const register: Register = (program, session) => {
  const select = program
    .command('select')
    .description(
      'Choose a subset for a budget, and compare it with random subsets of the same size\n\nChain methods with "then": winnow select semdedup --eps 0.1 then visnec --budget 15%',
    );
  for (const selector of selectors) {
    const command = select
      .command(selector.name)
      .summary(selector.title)
      .description(`${selector.title}. ${selector.summary}\nSource: ${selector.source}`);
    addSelectionOptions(addStageOptions(command, selector)).action(
      action(session, (context, given: Given) => run(selector.name, context, given, session.before)),
    );
  }
};
