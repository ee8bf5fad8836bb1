import { bytes, plural } from '../../base/phrases.ts';
import type { GcResult } from '../../store/verbs/gc.ts';
import { action, withDryRun } from '../command.ts';
import type { Register, VerbFacts } from '../program.ts';

/** @public Read by `scripts/write-registries.mjs`. */
export const verb: VerbFacts = { order: 200, group: 'Project:', summary: 'Delete unreferenced files' };

/** `winnow gc`: remove what nothing refers to. */
export const register: Register = (program, session) => {
  const command = program
    .command('gc')
    .description('Delete shards, indexes and unfinished selections that nothing refers to any more')
    .option('--unfinished', 'also delete the shards of unfinished runs; running them again starts from zero');
  withDryRun(command).action(
    action(session, async (context, given: { unfinished?: true }) => {
      const { openProject } = await import('../../store/project.ts');
      const { collectGarbage } = await import('../../store/verbs/gc.ts');
      await using project = await openProject(context.project, { note: context.note });
      const result = await collectGarbage(project, { dryRun: context.dryRun, unfinished: given.unfinished === true });
      return { document: result, text: () => gcText(result) };
    }),
  );
};

function gcText({ removed, garbage, bytes: size, unfinished, unreadable }: GcResult): string {
  const groups = new Map<string, { files: number; bytes: number }>();
  for (const { kind, because, bytes: n } of garbage) {
    const group = groups.get(`${kind}, ${because}`) ?? { files: 0, bytes: 0 };
    groups.set(`${kind}, ${because}`, { files: group.files + 1, bytes: group.bytes + n });
  }
  return [
    garbage.length === 0
      ? 'Nothing to remove.'
      : `${removed ? 'Removed' : 'Would remove'} ${plural(garbage.length, 'file')}, ${bytes(size)}.`,
    ...[...groups].map(([what, group]) => `  ${plural(group.files, 'file')} (${what}): ${bytes(group.bytes)}`),
    ...(unfinished.files === 0
      ? []
      : [
          `Kept: ${plural(unfinished.files, 'shard')} of unfinished runs, ${bytes(unfinished.bytes)} (--unfinished removes them).`,
        ]),
    ...unreadable.map((name) => `${name} can't be opened now: what belongs to it stays.`),
  ].join('\n');
}
