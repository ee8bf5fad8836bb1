import { action } from '../command.ts';
import type { Register } from '../program.ts';

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
  out?: string;
}

/** `winnow doctor [FILE]`: what would break a training run. */
export const register: Register = (program, session) => {
  program
    .command('doctor')
    .description('find what would break a training run, before it starts; exit status 1 where there is an error')
    .argument('[path]', 'file or folder; needs no project (default: the data set of the project)')
    .option('-i, --images <dir>', 'media root of the file (default: the folder of the file)')
    .option('-f, --format <name>', 'format of the file, instead of detecting it')
    .option('--option <key=value...>', 'an option of the format; dataset=NAME picks an entry of a dataset_info.json')
    .option('-d, --dataset <name>', 'data set of the project (default: the first)')
    .option('-t, --target <name>', 'what the data is for: a model, a trainer, or both (qwen3-vl,llama-factory)')
    .option('--against <path...>', 'benchmarks whose images and questions must not be in the data')
    .option('--only <codes...>', 'make these checks only, e.g. D101 D201')
    .option('--skip <codes...>', 'leave these checks out')
    .option('--limit <rows>', 'look at the first rows only')
    .option('--fix', 'write a new version with everything fixed that can be, and a log of the changes')
    .option('-o, --out <path>', 'folder or file of the new version (default in a project: fixed/<name>-fixed)')
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
          out: given.out,
          signal: context.signal,
          progress: (done, total, what) => context.progress.update(done, total, what),
        });
        const { doctorText } = await import('../../report/doctor-text.ts');
        if (context.json && result.notRun.length > 0)
          context.note(`not run: ${result.notRun.map(({ code, because }) => `${code} (${because})`).join(', ')}`);
        return {
          document: result.findings,
          text: () => doctorText(result, { width: session.stdout.columns ?? 100 }),
          exitCode: result.findings.some(({ severity }) => severity === 'error') ? 1 : 0,
        };
      }),
    );
};

/** Codes as people write them: any case, with commas or spaces between. */
function codes(given: readonly string[]): string[] {
  return given.flatMap((words) => words.toUpperCase().split(',')).filter((code) => code !== '');
}
