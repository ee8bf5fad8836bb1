import { action } from '../command.ts';
import type { Register, VerbFacts } from '../program.ts';
import { drawingWidthOf } from '../terminal.ts';

interface Given {
  images?: string;
  format?: string;
  option?: string[];
  dataset?: string;
  target?: string;
  against?: string[];
  only?: string[];
  skip?: string[];
  limit?: string;
  fix?: true;
  keepDamaged?: true;
  out?: string;
}

/** @public Read by `scripts/write-registries.mjs`. */
export const verb: VerbFacts = {
  order: 20,
  group: 'Data:',
  summary: 'Find what would break a training run, and fix it',
};

/** `winnow doctor [FILE]`: what would break a training run. */
export const register: Register = (program, session) => {
  program
    .command('doctor')
    .description('Find what would break a training run before it starts; the exit status is 1 if there is an error')
    .argument('[path]', 'file or folder; no project needed (default: the data set of the project)')
    .option('-i, --images <dir>', 'media root of the file (default: folder of the file)')
    .option('-f, --format <format>', 'format of the file (default: detected)')
    .option('--option <key=value...>', 'option of the format; dataset=NAME picks an entry of a dataset_info.json')
    .option('-d, --dataset <dataset>', 'data set of the project (default: the first)')
    .option('-t, --target <targets>', 'model, trainer or both that the data is for, e.g. qwen3-vl,llama-factory')
    .option(
      '--against <path...>',
      'benchmarks to check contamination against: their images and questions must not be in the data',
    )
    .option('--only <checks...>', 'run only these checks, e.g. D101 D201')
    .option('--skip <checks...>', 'skip these checks')
    .option('--limit <rows>', 'check only the first rows')
    .option('--fix', 'write a fixed copy of the data and a log of every change')
    .option('--keep-damaged', 'with --fix: keep what decodes of truncated images, instead of dropping their rows')
    .option('-o, --out <path>', 'file or folder of the fixed copy (default in a project: fixed/<dataset>-fixed)')
    .action(
      action(session, async (context, path: string | undefined, given: Given) => {
        const { doctor } = await import('../../doctor/doctor.ts');
        const { optionPairs } = await import('../option-pairs.ts');
        const { wholeNumber } = await import('../option-numbers.ts');
        const result = await doctor(path === undefined ? context.project : null, {
          path,
          images: given.images,
          format: given.format,
          options: optionPairs(given.option),
          dataset: given.dataset,
          target: given.target,
          against: given.against,
          only: given.only === undefined ? undefined : codes(given.only),
          skip: given.skip === undefined ? undefined : codes(given.skip),
          limit:
            given.limit === undefined ? undefined : wholeNumber('--limit', given.limit, 1, Number.MAX_SAFE_INTEGER),
          fix: given.fix === true,
          keepDamaged: given.keepDamaged === true,
          out: given.out,
          signal: context.signal,
          progress: (done, total, what) => context.progress.update(done, total, what),
        });
        const { doctorText } = await import('../../report/doctor-text.ts');
        if (context.json && result.notRun.length > 0)
          context.note(`not run: ${result.notRun.map(({ code, because }) => `${code} (${because})`).join(', ')}`);
        return {
          document: result.findings,
          text: () => doctorText(result, { width: drawingWidthOf(session.stdout) }),
          exitCode: result.findings.some(({ severity }) => severity === 'error') ? 1 : 0,
        };
      }),
    );
};

/** Codes as people write them: any case, with commas or spaces between. */
function codes(given: readonly string[]): string[] {
  return given.flatMap((words) => words.toUpperCase().split(',')).filter((code) => code !== '');
}
