import { Option } from 'commander';
import { WinnowError } from '../../base/errors.ts';
import { bytes } from '../../base/phrases.ts';
import type { SetupPlan } from '../../worker/setup/plan.ts';
import { action, type CommandContext, withDryRun } from '../command.ts';
import type { Register, VerbFacts } from '../program.ts';

interface Given {
  cpu?: true;
  cuda?: string | true;
  python?: string;
  pip?: true;
  yes?: true;
}

/** @public Read by `scripts/write-registries.mjs`. */
export const verb: VerbFacts = { order: 220, group: 'Project:', summary: 'Install the Python worker' };

/** `winnow setup worker`: the Python environment of the worker, for an installed package. */
export const register: Register = (program, session) => {
  const setup = program.command('setup').description('Install what Winnow needs beside Node');
  const command = setup
    .command('worker')
    .summary('Install the Python worker')
    .description(
      'Install the Python worker (PyTorch and transformers), or finish, update or repair it\n\n' +
        'It is needed for training and for signals that need gradients or attention; all else runs without it. ' +
        'Packages are pinned and their hashes are checked. Indexes and proxies are those of pip or uv.',
    )
    .addOption(new Option('--cpu', 'PyTorch without CUDA, which is smaller').conflicts('cuda'))
    .option('--cuda [version]', 'PyTorch for a version of CUDA, e.g. 12.8 (default: its default build)')
    .option('--python <path>', 'Python 3.11 or newer to use (default: the newest that is found)')
    .option('--pip', 'use pip even if uv is installed, e.g. because the index is set up for pip')
    .option('-y, --yes', 'start without asking');
  withDryRun(command).action(
    action(session, async (context, given: Given) => {
      const { planSetup } = await import('../../worker/setup/plan.ts');
      const plan = planSetup(given);
      const { environment, state, installer, base, build, downloadBytes, diskBytes } = plan;
      const document = { environment, state, installer, python: base, build, downloadBytes, diskBytes };
      if (state === 'ready') return { document, text: `The worker is ready in ${environment}. Nothing to do.` };
      if (context.dryRun) return { document, text: `${planText(plan)}\nNothing was done.` };
      context.note(planText(plan));
      if (given.yes !== true) await requireYes(context);
      const { installWorker } = await import('../../worker/setup/install.ts');
      const check = await installWorker(plan, {
        signal: context.signal,
        onStep: (what) => context.note(`winnow: ${what} ...`),
        onLine: process.env.WINNOW_DEBUG === '1' ? context.note : undefined,
      });
      return {
        document: { ...document, state: 'ready', worker: check },
        text: `The worker is ready: Python ${check.pythonVersion}, torch ${check.torch}, transformers ${check.transformers}; devices: ${check.devices.join(', ')}.`,
      };
    }),
  );
};

const STATES: Readonly<Record<SetupPlan['state'], string>> = {
  missing: 'Install the worker',
  unfinished: 'Finish installing the worker',
  outdated: 'Update the worker',
  repair: 'Make the worker anew, since it does not work,',
  ready: 'Keep the worker',
};

function planText({
  state,
  environment,
  installer,
  base,
  build,
  downloadBytes,
  diskBytes,
  freeBytes,
}: SetupPlan): string {
  const torch = build === 'default' ? 'the default build of PyTorch' : `PyTorch for ${build}`;
  const minutes = Math.ceil(downloadBytes / 10e6 / 60);
  return [
    `${STATES[state]} in ${environment} with ${installer} and Python ${base.version}: ${torch}.`,
    `It takes about ${bytes(downloadBytes)} of download, ${bytes(diskBytes)} of disk (${bytes(freeBytes)} are free) and ${minutes} to ${3 * minutes + 2} minutes at 10 MB/s.`,
  ].join('\n');
}

/** @throws WinnowError `CONFIRMATION_NEEDED` where nobody can be asked, or the answer is no */
async function requireYes(context: CommandContext): Promise<void> {
  const refuse = (message: string): WinnowError =>
    new WinnowError({ code: 'CONFIRMATION_NEEDED', message, hint: 'Give --yes to start without asking.', exitCode: 2 });
  if (context.json || process.stdin.isTTY !== true) throw refuse('This downloads packages, and nobody can be asked.');
  const { createInterface } = await import('node:readline/promises');
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await lines.question('Start? [y/N] ', { signal: context.signal });
    if (!/^y(es)?$/i.test(answer.trim())) throw refuse('Nothing was installed.');
  } finally {
    lines.close();
  }
}
