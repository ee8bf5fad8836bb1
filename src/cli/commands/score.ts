import { signals } from '../../signals/registry.ts';
import { action, withDryRun } from '../command.ts';
import type { Register } from '../program.ts';
import { formatDuration } from '../progress.ts';
import { addSchemaOptions, schemaValues } from '../schema-options.ts';

/** `winnow score <signal>`: measure a signal for every sample that lacks it. */
export const register: Register = (program, session) => {
  const score = program
    .command('score')
    .description('measure a signal for every sample (only what is missing is computed)');
  for (const signal of signals) {
    const command = score
      .command(signal.name)
      .summary(signal.title)
      .description(`${signal.title}. ${signal.measures}\nSource: ${signal.source}`)
      .option('-d, --dataset <name>', 'data set of the project (default: the first)')
      .option('--offline', 'never fetch a model');
    addSchemaOptions(command, signal.params);
    withDryRun(command).action(
      action(session, async (context, given: Record<string, unknown>) => {
        const { openProject } = await import('../../store/project.ts');
        const { dryRun, planScore } = await import('../../signals/score-plan.ts');
        const { runScore } = await import('../../signals/score.ts');
        await using project = await openProject(context.project, { note: context.note });
        const plan = await planScore(project, {
          signal: signal.name,
          params: schemaValues(signal.params, given),
          dataset: given.dataset as string | undefined,
          offline: given.offline === true,
          abort: context.signal,
          progress: (what, done, total) => context.progress.update(done, total, what),
        });
        if (context.dryRun) {
          const summary = await dryRun(plan);
          const { rowsMissing, rows, dataset, model, cost, estimate } = summary;
          const requests =
            estimate === undefined
              ? ''
              : `\nAbout ${estimate.requests.toLocaleString('en')} requests and ${(estimate.promptTokens / 1e6).toFixed(2)} million prompt tokens (at ${estimate.assumed}).`;
          return {
            document: summary,
            text: `${rowsMissing} of ${rows} samples of ${dataset} would be scored with ${model}.\nCost: ${cost}.${requests} Nothing was done.`,
          };
        }
        const result = await runScore(plan);
        const failed = result.rowsComputed === result.rows ? result.quarantined.length : 0;
        return {
          document: result,
          text: [
            `${result.signal}: ${result.rowsComputed - failed} samples scored in ${formatDuration(result.seconds)}, ${result.rows - result.rowsComputed} were there already.`,
            ...(result.quarantined.length === 0
              ? []
              : [
                  `${result.quarantined.length} could not be scored:`,
                  ...result.quarantined.slice(0, 5).map((q) => `  ${q.id}  ${q.reason}`),
                  ...(result.quarantined.length > 5
                    ? [`  and ${result.quarantined.length - 5} more (--json lists all)`]
                    : []),
                ]),
          ].join('\n'),
        };
      }),
    );
  }
};
