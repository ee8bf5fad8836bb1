import { Option } from 'commander';
import { commandLine } from '../../base/cli-flags.ts';
import { formatDuration } from '../../base/phrases.ts';
import { timeText } from '../../cost/time.ts';
import { ProxyRecipe, recipes } from '../../train/recipe.ts';
import { action, withDryRun } from '../command.ts';
import { wholeNumber } from '../option-numbers.ts';
import type { Register, VerbFacts } from '../program.ts';
import { addSchemaOptions, schemaValues } from '../schema-options.ts';

interface Given extends Record<string, unknown> {
  dataset?: string;
  selection?: string;
  name?: string;
  seed?: string;
  replace?: true;
}

/** @public Read by `scripts/write-registries.mjs`. */
export const verb: VerbFacts = {
  order: 130,
  group: 'Train:',
  summary: 'Fine-tune a small model and keep its checkpoints',
};

/** `winnow train`: fine-tune a model; for now the proxy whose checkpoints signals are measured on. */
export const register: Register = (program, session) => {
  const command = program
    .command('train')
    .description(
      'Fine-tune a small model with evenly spaced checkpoints, for methods that follow a model through training',
    )
    .addOption(
      new Option('--recipe <name>', 'training recipe')
        .choices(Object.keys(recipes))
        .makeOptionMandatory()
        .default('proxy'),
    )
    .option('-d, --dataset <dataset>', 'data set of the project (default: the first)')
    .option('--selection <selection>', 'train on the samples of this selection')
    .option('-n, --name <name>', 'name of the run (default: proxy)')
    .option('--seed <n>', 'random seed of the order of samples (default: as in winnow.yaml, else 42)')
    .option('--replace', 'replace a run of that name that was made with other options');
  addSchemaOptions(command, ProxyRecipe);
  withDryRun(command).action(
    action(session, async (context, given: Given) => {
      const { openProject } = await import('../../store/project.ts');
      const { train } = await import('../../train/train.ts');
      await using project = await openProject(context.project, { note: context.note });
      const result = await train(project, {
        options: schemaValues(ProxyRecipe, given),
        dataset: given.dataset,
        selection: given.selection,
        name: given.name,
        seed: given.seed === undefined ? undefined : wholeNumber('--seed', given.seed, 0, 0xffffffff),
        replace: given.replace,
        dryRun: context.dryRun,
        signal: context.signal,
        note: context.note,
        progress: (done, total, what) => context.progress.update(done, total, what),
      });
      const plan = `${result.model} on ${result.samples} samples of ${result.dataset}: ${result.steps} steps, checkpoints after ${result.checkpointSteps.join(', ')}`;
      if (context.dryRun) {
        return {
          document: result,
          text: `${plan}.\nCost: ${result.cost}.\n${timeText(result.time!)} Nothing was done.`,
        };
      }
      const did =
        result.stepsDone === 0
          ? 'All of it was there already.'
          : `${result.stepsDone} steps in ${formatDuration(result.seconds)}, the loss at the end is ${result.loss?.toFixed(3)} nats a token.`;
      return {
        document: result,
        text: `${plan}.\n${did}\nMeasure it: ${commandLine(['score', 'attention'], { checkpoints: result.name })} (or loss-trajectory).`,
      };
    }),
  );
};
