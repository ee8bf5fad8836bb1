import type { Session } from '../command.ts';
import { createProgram, type ProgramOptions, type Verb } from '../program.ts';
import { describeCommand, type HelpIndex } from './tree.ts';

/** The whole command line as data: every verb is loaded and described. */
export async function buildHelpIndex(verbs: readonly Verb[]): Promise<HelpIndex> {
  const session: Session = {
    signal: new AbortController().signal,
    stdout: process.stdout,
    stderr: process.stderr,
    exitCode: 0,
    before: [],
  };
  const options: ProgramOptions = { verbs, session, version: '', captured: { stdout: '', stderr: '' } };
  const commands = [];
  for (const { name } of verbs) {
    const program = await createProgram(options, name);
    const command = program.commands.find((one) => one.name() === name);
    if (command !== undefined) commands.push(describeCommand(command));
  }
  return { commands, values: await knownValues() };
}

async function knownValues(): Promise<Record<string, string[]>> {
  const [formats, targets, checks, methods, signals, models] = await Promise.all([
    import('../../dataset/formats/registry.ts'),
    import('../../doctor/target.ts'),
    import('../../doctor/examine.ts'),
    import('../../select/methods/find.ts'),
    import('../../signals/measured/registry.ts'),
    import('../../models/source.ts'),
  ]);
  const names = (things: readonly { name: string }[]): string[] => things.map(({ name }) => name);
  return {
    format: names(formats.formats),
    target: names(targets.targets),
    check: checks.allChecks().map(({ code }) => code),
    method: names(methods.selectors),
    signal: names(signals.signals),
    model: [...models.SHIPPED],
  };
}
