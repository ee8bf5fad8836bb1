import { action } from '../command.ts';
import type { Register, VerbFacts } from '../program.ts';

/** @public Read by `scripts/write-registries.mjs`. */
export const verb: VerbFacts = { order: 190, group: 'Project:', summary: 'Create an empty project' };

/** `winnow init`: an empty project. */
export const register: Register = (program, session) => {
  program
    .command('init')
    .description('Create an empty project (winnow.yaml) in the folder')
    .action(
      action(session, async (context) => {
        const { openProject } = await import('../../store/project.ts');
        await using project = await openProject(context.project, { create: true, note: context.note });
        return { document: { folder: project.folder }, text: `Project in ${project.folder}. Next: winnow import FILE` };
      }),
    );
};
