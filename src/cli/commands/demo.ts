import { cp } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeFolder } from '../../base/files/make-folder.ts';
import { action, type CommandContext, withDryRun } from '../command.ts';
import type { Register, VerbFacts } from '../program.ts';
import { drawingWidthOf, hasColour } from '../terminal.ts';

const EXAMPLES = fileURLToPath(new URL('../../../examples/shapes/', import.meta.url));
const BUDGET = '15%';

/** The demo's selections: the page is about the first. */
const SELECTIONS: readonly { method: string; options: Record<string, unknown>; name?: string }[] = [
  { method: 'visnec', options: {} },
  { method: 'visnec', options: { variant: 'official' } },
  { method: 'visnec', options: { minScore: 0.05 }, name: `visnec-critical-${BUDGET}-s42` },
  { method: 'top', options: {} },
  { method: 'random', options: {} },
];

/** @public Read by `scripts/write-registries.mjs`. */
export const verb: VerbFacts = {
  order: 180,
  group: 'Project:',
  summary: 'Run every step on generated data with planted faults',
};

/** `winnow demo`: the whole job on generated data with planted faults. */
export const register: Register = (program, session) => {
  const command = program
    .command('demo')
    .description('Score, select, export and report on a generated data set with planted faults')
    .option('-o, --out <dir>', 'project folder of the demo', 'winnow-demo');
  withDryRun(command).action(
    action(session, async (context, given: { out: string }) => {
      const folder = resolve(given.out);
      const page = join(folder, 'report.html');
      if (context.dryRun) {
        const steps = [
          'import examples/shapes',
          'score loss, text-embedding',
          ...SELECTIONS.map((one) => `select ${one.method} ${BUDGET} ${JSON.stringify(one.options)}`),
          'export, report',
        ];
        return {
          document: { folder, steps },
          text: `In ${folder}:\n${steps.map((step) => `  ${step}`).join('\n')}\nNothing was done.`,
        };
      }
      const { summaryText } = await import('../../report/terminal.ts');
      const { summarise } = await import('../../report/summary.ts');
      const began = performance.now();
      const { data, exported, selections } = await runDemo(context, folder, page);
      const seconds = (performance.now() - began) / 1000;
      const shown = relative(process.cwd(), page) || page;
      return {
        document: { folder, report: page, export: exported, seconds, selections, summary: summarise(data) },
        text: () =>
          `${summaryText(data, { colour: hasColour(session.stdout), width: drawingWidthOf(session.stdout) })}\n\nDone in ${seconds.toFixed(0)} s. Open ${shown} in a browser.\nTry: winnow -C ${relative(process.cwd(), folder) || '.'} explain ${data.samples.id[data.selections?.[0]?.kept[0] ?? 0]}`,
      };
    }),
  );
};

async function runDemo(context: CommandContext, folder: string, page: string) {
  const { openProject } = await import('../../store/project.ts');
  const { outputGuard } = await import('../../base/files/output-guard.ts');
  const { filesBelow } = await import('../../store/verbs/disk.ts');
  const { planScore } = await import('../../signals/engine/score-plan.ts');
  const { runScore } = await import('../../signals/engine/score.ts');
  const { runSelection } = await import('../../select/run.ts');
  const { exportSelection } = await import('../../store/verbs/export.ts');
  const { writeReport } = await import('../../report/write.ts');
  const progress = (done: number, total: number, what: string) => context.progress.update(done, total, what);

  // A copy, so that the project stays whole when the package is updated or removed.
  makeFolder(folder);
  const guard = outputGuard();
  for (const { path } of await filesBelow(EXAMPLES))
    await guard.judge(join(folder, 'shapes', path), { file: join(EXAMPLES, path) });
  await cp(EXAMPLES, join(folder, 'shapes'), { recursive: true, preserveTimestamps: true, force: false });
  await using project = await openProject(folder, { create: true });
  await project.addDataset({ name: 'shapes', path: join(folder, 'shapes', 'shapes.json') });
  for (const [signal, params] of [
    ['loss', { perToken: true }],
    ['text-embedding', {}],
  ] as const) {
    await runScore(
      await planScore(project, {
        signal,
        params,
        offline: true,
        abort: context.signal,
        progress: (what, done, total) => progress(done, total, what),
      }),
    );
  }
  const selections = [];
  for (const one of SELECTIONS) {
    selections.push(await runSelection(project, { ...one, budget: BUDGET, signal: context.signal, progress }));
  }
  const [main, ...others] = selections.map((one) => one.name);
  const exported = await exportSelection(project, { selection: main, format: 'sharegpt', signal: context.signal });
  const { data } = await writeReport(project, {
    selection: main,
    compare: others,
    truth: join(folder, 'shapes', 'truth.json'),
    title: 'Shapes with planted faults',
    out: page,
    progress,
  });
  return { data, exported: exported.out, selections: selections.map(({ ids: _, ...rest }) => rest) };
}
