import { relative } from 'node:path';
import { Option } from 'commander';
import { CostOptions } from '../../cost/gpu-hours.ts';
import { HTTP_VARIANTS, IN_PROCESS_VARIANTS } from '../../signals/measured/row-loss.ts';
import { action, withDryRun } from '../command.ts';
import { positiveNumber, wholeNumber } from '../option-numbers.ts';
import type { Register, VerbFacts } from '../program.ts';
import { addSchemaOptions, schemaValues } from '../schema-options.ts';
import { widthOf } from '../terminal.ts';

interface Given extends Record<string, unknown> {
  methods: string;
  budget?: string;
  seed?: string;
  dataset?: string;
  reference?: string;
  blind?: string;
  truth?: string;
  doctor: boolean;
  draws?: string;
  targetSize?: string;
  proxySize?: string;
  out?: string;
  csv?: string;
  force?: true;
}

/** @public Read by `scripts/write-registries.mjs`. */
export const verb: VerbFacts = {
  order: 100,
  group: 'Choose:',
  summary: 'Compare the choices of all methods at one budget',
};

/** `winnow arena`: what every method would pick at one budget, beside random. */
export const register: Register = (program, session) => {
  const command = program
    .command('arena')
    .description('Compare the choices of all methods whose signals are measured, at one budget and with random subsets')
    .option(
      '-m, --methods <methods>',
      'all, methods by name, or several in a row: visnec,xmas:variant=official,"semdedup:eps=0.05 then visnec"',
      'all',
    )
    .option(
      '-b, --budget <amount>',
      'samples to keep: 15%, 5000, "2M tokens" or "10 gpu-hours" (default: as in winnow.yaml)',
    )
    .option('--seed <n>', 'random seed (default: as in winnow.yaml, else 42)')
    .option('-d, --dataset <dataset>', 'data set of the project (default: the first)')
    .option('-r, --reference <dataset>', 'data set of the project that represents the target task')
    .addOption(
      new Option(
        '--blind <variant>',
        'loss without the image that necessity is computed from (default: the first of the latest loss)',
      ).choices([...IN_PROCESS_VARIANTS, ...HTTP_VARIANTS]),
    )
    .option(
      '--truth <file>',
      'JSON with the ground truth about planted faults (default: truth.json beside the data set)',
    )
    .option('--no-doctor', 'skip the checks for duplicates and faults, which read every image')
    .option('--draws <n>', 'number of random subsets that distances are compared with (default: 1000)')
    .option('--target-size <billions>', 'parameters of the model to fine-tune, for estimates (default: 7)')
    .option('--proxy-size <billions>', 'parameters of the proxy, for estimates (default: 2)')
    .option('-o, --out <file>', 'page to write (default: arena.html in the project)')
    .option('--csv <file>', 'table to write (default: beside the page)')
    .option('--force', 'replace files that this project did not write; sources of data sets always stay');
  addSchemaOptions(command, CostOptions);
  withDryRun(command).action(
    action(session, async (context, given: Given) => {
      const whole = (name: string, text: string | undefined, least: number, most: number) =>
        text === undefined ? undefined : wholeNumber(name, text, least, most);
      const request = {
        ...schemaValues(CostOptions, given),
        methods: given.methods,
        budget: given.budget,
        seed: whole('--seed', given.seed, 0, 0xffffffff),
        dataset: given.dataset,
        reference: given.reference,
        blind: given.blind,
        truth: given.truth,
        doctor: given.doctor,
        draws: whole('--draws', given.draws, 20, 100_000),
        targetSize: given.targetSize === undefined ? undefined : positiveNumber('--target-size', given.targetSize),
        proxySize: given.proxySize === undefined ? undefined : positiveNumber('--proxy-size', given.proxySize),
        signal: context.signal,
        progress: (done: number, total: number, what: string) => context.progress.update(done, total, what),
      };
      const { openProject } = await import('../../store/project.ts');
      const { arenaPlanText, arenaText } = await import('../../report/arena/text.ts');
      await using project = await openProject(context.project, { note: context.note });
      if (context.dryRun) {
        const { planArena } = await import('../../experiment/arena/plan.ts');
        const plan = await planArena(project, request);
        return { document: plan, text: () => arenaPlanText(plan, widthOf(session.stdout)) };
      }
      const { writeArena } = await import('../../report/arena/write.ts');
      const written = await writeArena(project, { ...request, out: given.out, csv: given.csv, force: given.force });
      const shown = (file: string): string => relative(process.cwd(), file) || file;
      return {
        document: written,
        text: () =>
          `${arenaText(written.result, widthOf(session.stdout))}\n\nPage: ${shown(written.page)} (${Math.ceil(written.pageBytes / 1000)} kB)\nTable: ${shown(written.csv)}`,
      };
    }),
  );
};
