import { action } from '../command.ts';
import { wholeNumber } from '../option-numbers.ts';
import type { Register, VerbFacts } from '../program.ts';
import { widthOf } from '../terminal.ts';

/** @public Read by `scripts/write-registries.mjs`. */
export const verb: VerbFacts = { order: 110, group: 'Choose:', summary: 'Explain why a sample was kept or dropped' };

/** `winnow explain ID`: why one sample was kept or dropped. */
export const register: Register = (program, session) => {
  program
    .command('explain')
    .description('Explain why a sample was kept or dropped, with its nearest kept neighbours')
    .argument('<id>', 'id of the sample')
    .option('-s, --selection <selection>', 'selection (default: the newest)')
    .option('-k, --neighbours <n>', 'number of kept neighbours to list (default: 5)')
    .action(
      action(session, async (context, id: string, given: { selection?: string; neighbours?: string }) => {
        const neighbours = wholeNumber('--neighbours', given.neighbours ?? '5', 0, 1000);
        const { openProject } = await import('../../store/project.ts');
        const { explain } = await import('../../select/explain.ts');
        const { explanationText } = await import('../../report/selection-text.ts');
        await using project = await openProject(context.project, { note: context.note });
        const explanation = await explain(project, {
          id,
          selection: given.selection,
          neighbours,
        });
        return { document: explanation, text: () => explanationText(explanation, widthOf(session.stdout)) };
      }),
    );
};
