import { action } from '../command.ts';
import type { Register, VerbFacts } from '../program.ts';

/** @public Read by `scripts/write-registries.mjs`. */
export const verb: VerbFacts = { order: 210, group: 'Project:', summary: 'List or find models' };

/** `winnow models`: the shipped models, or where one is and which revision. */
export const register: Register = (program, session) => {
  program
    .command('models')
    .description(
      'List the shipped models, or find one model and print its folder and revision; a model of the hub is downloaded',
    )
    .argument('[model]', 'shipped name, folder or hub id')
    .option('--offline', 'never use the network')
    .option('--revision <commit>', 'branch, tag or commit of a hub model')
    .action(
      action(session, async (context, model: string | undefined, given: { offline?: true; revision?: string }) => {
        const { resolveModel, SHIPPED } = await import('../../models/source.ts');
        const names = model === undefined ? SHIPPED : [model];
        const found = await Promise.all(
          names.map((name) =>
            resolveModel(name, {
              offline: given.offline === undefined ? undefined : true,
              revision: given.revision,
              signal: context.signal,
              progress: (what, done, total) => context.progress.update(done, total, what),
            }),
          ),
        );
        return {
          document: found.map(({ name, folder, revision }) => ({ name, folder, revision })),
          text: found.map(({ name, folder, revision }) => `${name}  ${revision.slice(0, 16)}  ${folder}`).join('\n'),
        };
      }),
    );
};
