import { type Command, Option } from 'commander';
import { optionName } from '../../base/cli-flags.ts';
import { WinnowError } from '../../base/errors.ts';
import { optionError } from '../../base/option-error.ts';
import { formatDuration } from '../../base/phrases.ts';
import { timeText } from '../../cost/time.ts';
import { FitOptions } from '../../experiment/fit-options.ts';
import type { ScoreAllResult } from '../../experiment/score-all.ts';
import type { ScoreResult } from '../../signals/engine/score.ts';
import { fitLines } from '../../signals/fit/judge.ts';
import { signals } from '../../signals/measured/registry.ts';
import { SharedParams } from '../../signals/measured/worker-params.ts';
import type { Project } from '../../store/project.ts';
import { action, type CommandContext, type Session, withDryRun } from '../command.ts';
import type { Register, VerbFacts } from '../program.ts';
import { addSchemaOptions, schemaValues } from '../schema-options.ts';
import { table } from '../table.ts';
import { widthOf } from '../terminal.ts';

/** @public Read by `scripts/write-registries.mjs`. */
export const verb: VerbFacts = { order: 70, group: 'Measure:', summary: 'Measure a signal of every sample' };

/** `winnow score <signal>`: measure a signal for every sample that lacks it. */
export const register: Register = (program, session) => {
  const score = program
    .command('score')
    .description('Measure a signal of every sample; only missing values are computed');
  registerAll(score, session);
  for (const signal of signals) {
    const command = score
      .command(signal.name)
      .summary(signal.title)
      .description(`${signal.title}. ${signal.measures}\nSource: ${signal.source}`)
      .option('-d, --dataset <dataset>', 'data set of the project (default: the first)')
      .option('--offline', 'never download a model');
    addSchemaOptions(command, signal.params);
    if (signal.name === 'loss') addFitOptions(command);
    withDryRun(command).action(
      action(session, async (context, given: Given) => {
        const { openProject } = await import('../../store/project.ts');
        const { dryRun, planScore } = await import('../../signals/engine/score-plan.ts');
        const { runScore } = await import('../../signals/engine/score.ts');
        await using project = await openProject(context.project, { note: context.note });
        const params = schemaValues(signal.params, given);
        if (given.fit === true) return runFit(project, context, given, params);
        refuseFitOptions(given);
        const plan = await planScore(project, {
          signal: signal.name,
          params,
          dataset: given.dataset,
          offline: given.offline === true,
          abort: context.signal,
          progress: (what, done, total) => context.progress.update(done, total, what),
        });
        if (context.dryRun) {
          const summary = await dryRun(plan);
          const { rowsMissing, rowsReused, rows, dataset, model, cost, estimate, time } = summary;
          const requests =
            estimate === undefined
              ? ''
              : `\nAbout ${estimate.requests.toLocaleString('en')} requests and ${(estimate.promptTokens / 1e6).toFixed(2)} million prompt tokens (at ${estimate.assumed}).`;
          return {
            document: summary,
            text: `${rowsMissing} of ${rows} samples of ${dataset} would be scored with ${model}${ofEqual(rowsReused)}.\nCost: ${cost}.${requests}\n${timeText(time!)} Nothing was done.`,
          };
        }
        return scoreOutcome(await runScore(plan));
      }),
    );
  }
};

/**
 * What to say of a run in which more rows than not gave no finite number: the precision is too small for the model, or
 * its weights are no numbers.
 */
function notFinite({ rows, quarantined }: ScoreResult): string[] | undefined {
  const lost = quarantined.filter(({ code }) => code === 'NOT_FINITE').length;
  if (2 * lost <= rows) return undefined;
  return [
    `${lost} of ${rows} rows gave no finite number: this model's activations leave the range of the precision that it runs in.`,
    'Score with --dtype bfloat16 or float32; graphs of a model in process with those in fp32.',
  ];
}

const ofEqual = (rows: number): string => (rows === 0 ? '' : `, ${rows} of them taken over from equal rows`);

/** `--fit` and what goes with it, of the one signal whose model can be tuned to the data. */
function addFitOptions(command: Command): void {
  command.option('--fit', 'tune the model on a random part of this data first, and measure with that');
  addSchemaOptions(command, FitOptions);
}

/** @throws WinnowError `OPTION_INVALID` */
function refuseFitOptions(given: Given): void {
  const [name] = Object.keys(schemaValues(FitOptions, given));
  if (name === undefined) return;
  throw new WinnowError({
    code: 'OPTION_INVALID',
    message: `--${optionName(name)} goes with --fit only.`,
    hint: 'Add --fit, or leave it out.',
    exitCode: 2,
  });
}

/** Tunes and measures in one command. */
async function runFit(project: Project, context: CommandContext, given: Given, params: Record<string, unknown>) {
  const { scoreFit } = await import('../../experiment/score-fit.ts');
  const options = FitOptions.safeParse(schemaValues(FitOptions, given));
  if (!options.success) throw optionError('loss', options.error, given, 'winnow score loss --help');
  const result = await scoreFit(project, {
    ...options.data,
    params,
    dataset: given.dataset,
    offline: given.offline === true,
    dryRun: context.dryRun,
    abort: context.signal,
    progress: (what, done, total) => context.progress.update(done, total, what),
    note: context.note,
  });
  const { tuning } = result;
  const how = `${tuning.model} tuned on ${tuning.rows.toLocaleString('en')} random rows: ${tuning.steps} steps of ${tuning.batch}, run ${tuning.run}`;
  if (!('signal' in result)) {
    return {
      document: result,
      text: `${how}. Then the losses of all rows are measured with it.\n${timeText(tuning.time!)} Nothing was done.`,
    };
  }
  const { text, ...outcome } = scoreOutcome(result);
  return { ...outcome, text: `${text}\n${how}. Other signals: --model ${tuning.run}` };
}

/** What a measurement came to; the fit of the model first. */
function scoreOutcome(result: ScoreResult): { document: ScoreResult; exitCode: 0 | 1; text: string } {
  const { signal, rows, rowsComputed, seconds, quarantined, fit } = result;
  const failed = rowsComputed === rows ? quarantined.length : 0;
  const more = quarantined.length - SHOWN_ROWS;
  return {
    document: result,
    exitCode: hasFailed(result) ? 1 : 0,
    text: [
      ...(fit === undefined ? [] : [...fitLines(fit), '']),
      ...(notFinite(result) ?? []),
      `${signal}: ${rowsComputed - failed} samples scored in ${formatDuration(seconds)}, ${rows - rowsComputed} were there already${ofEqual(result.rowsReused)}.`,
      ...(quarantined.length === 0 ? [] : [`${quarantined.length} of ${rows} could not be scored:`]),
      ...quarantined.slice(0, SHOWN_ROWS).map((q) => `  ${q.id}  ${q.reason}`),
      ...(more > 0 ? [`  and ${more} more (--json lists all)`] : []),
      ...(hasFailed(result) ? ['That is most of them: the measurement has failed.'] : []),
    ].join('\n'),
  };
}

/** Rows without numbers that are named. */
const SHOWN_ROWS = 5;

/** Some rows that can't be read are a data set's lot; where most can't be, the command has failed. */
const hasFailed = ({ rows, quarantined }: ScoreResult): boolean => 2 * quarantined.length > rows;

/** `winnow score all`: what methods read, in as few passes as it takes. */
function registerAll(score: Command, session: Session): void {
  const command = score
    .command('all')
    .summary('All signals that methods read, in as few passes as possible')
    .description(
      'Measure the columns that selection methods read. Signals of one model in the worker share its passes.',
    )
    .option('--for <methods>', 'methods whose columns to measure, written as for winnow arena (default: all)')
    .addOption(
      new Option('--signals <signals>', 'signals to measure instead, separated by commas')
        .argParser(byComma)
        .conflicts('for'),
    )
    .option(
      '-r, --reference <dataset>',
      'data set that represents the target task; the columns that methods read of it are measured too',
    )
    .option('-d, --dataset <dataset>', 'data set of the project (default: the first)')
    .option('--offline', 'never download a model');
  addSchemaOptions(command, SharedParams);
  withDryRun(command).action(
    action(session, async (context, given: Given) => {
      const { openProject } = await import('../../store/project.ts');
      const { scoreAll } = await import('../../experiment/score-all.ts');
      await using project = await openProject(context.project, { note: context.note });
      const result = await scoreAll(project, {
        ...schemaValues(SharedParams, given),
        for: given.for,
        signals: given.signals,
        reference: given.reference,
        dataset: given.dataset,
        offline: given.offline,
        dryRun: context.dryRun,
        abort: context.signal,
        progress: (what, done, total) => context.progress.update(done, total, what),
      });
      return {
        document: result,
        exitCode: result.signals.some((one) => 'quarantined' in one && hasFailed(one)) ? 1 : 0,
        text: () => allText(result, context.dryRun),
      };
    }),
  );
}

interface Given extends Record<string, unknown> {
  fit?: true;
  for?: string;
  signals?: string[];
  reference?: string;
  dataset?: string;
  offline?: true;
}

const byComma = (text: string): string[] => text.split(',').map((part) => part.trim());

function allText(result: ScoreAllResult, dryRun: boolean): string {
  const rows = result.signals.map((one) => {
    const shared = 'sharedWith' in one && one.sharedWith.length > 0 ? ' (shared passes)' : '';
    const did =
      'rowsComputed' in one ? `${one.rowsComputed} scored in ${formatDuration(one.seconds)}${shared}` : one.cost;
    const there = one.rows - ('rowsComputed' in one ? one.rowsComputed : one.rowsMissing);
    return [one.signal, one.dataset, did, `${there} of ${one.rows} were there`];
  });
  const behind = result.after.map(({ signal, dataset, cost }) => [signal, dataset, cost, 'made from those above']);
  const failed = new Map(
    result.signals.flatMap((one) => ('quarantined' in one ? one.quarantined.map((q) => [q.id, q] as const) : [])),
  );
  const few = [...failed.values()].slice(0, 5);
  const fits = result.signals.flatMap((one) => ('fit' in one && one.fit !== undefined ? [one.fit] : []));
  return [
    ...fits.flatMap((fit) => [...fitLines(fit), '']),
    table(
      { columns: ['signal', 'data set', dryRun ? 'cost' : 'now', 'before'], rows: [...rows, ...behind] },
      widthOf(process.stdout),
    ),
    ...(few.length === 0 ? [] : [`Of ${failed.size} samples some or all could not be measured:`]),
    ...few.map(({ id, reason }) => `  ${id}  ${reason}`),
    ...(failed.size > few.length ? [`  and ${failed.size - few.length} more (--json lists all)`] : []),
    ...result.left.map(({ signal, because }) => `${signal} was left out: ${because}`),
    ...result.elsewhere.map(
      ({ column, methods }) =>
        `${column} is measured elsewhere and imported (${methods.join(', ')} read it): winnow signals import`,
    ),
    ...(result.time === undefined ? [] : [`${timeText(result.time)} Nothing was done.`]),
  ].join('\n');
}
