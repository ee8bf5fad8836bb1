import { Option } from 'commander';
import { RenderOptions } from '../../dataset/media/render.ts';
import { action, withDryRun } from '../command.ts';
import { type FetchFlags, fetchOptions, withFetch } from '../file-options.ts';
import { optionPairs } from '../option-pairs.ts';
import type { Register, VerbFacts } from '../program.ts';
import { addSchemaOptions, schemaValues } from '../schema-options.ts';

/** @public Read by `scripts/write-registries.mjs`. */
export const verb: VerbFacts = { order: 120, group: 'Choose:', summary: 'Write a selection as files for a trainer' };

/** `winnow export NAME`: write a selection in a trainer's format. */
export const register: Register = (program, session) => {
  const command = program
    .command('export')
    .description('Write a selection as files for a trainer')
    .argument('[selection]', 'name of the selection (default: the newest)')
    .option('-f, --format <format>', 'output format (default: format of the data set)')
    .option('-o, --out <dir>', 'output folder (default: export/<selection>)')
    .addOption(
      new Option(
        '--images <how>',
        'how images are written; keep leaves their paths as they are (default: link)',
      ).choices(['keep', 'link', 'copy', 'embed']),
    )
    .option('--force', 'replace files that this project did not write; sources of data sets always stay')
    .option('--lossy', 'write even if the format cannot hold everything')
    .option('--option <key=value...>', 'option of the format, e.g. dialect=llava-next');
  addSchemaOptions(command, RenderOptions);
  withDryRun(withFetch(command)).action(
    action(session, async (context, selection: string | undefined, given: Record<string, unknown>) => {
      const { openProject } = await import('../../store/project.ts');
      const { exportSelection } = await import('../../store/verbs/export.ts');
      await using project = await openProject(context.project, { note: context.note });
      const result = await exportSelection(project, {
        selection,
        format: given.format as string | undefined,
        out: given.out as string | undefined,
        images: given.images as 'keep' | 'link' | 'copy' | 'embed' | undefined,
        fetch: fetchOptions(given as FetchFlags),
        render: schemaValues(RenderOptions, given),
        lossy: given.lossy === true,
        options: given.option === undefined ? undefined : (optionPairs(given.option as string[]) ?? {}),
        force: given.force === true,
        dryRun: context.dryRun,
        signal: context.signal,
        progress: (done, total, what) => context.progress.update(done, total, what),
      });
      const lost = result.lost.map(
        (l) => `  ${l.what}: ${l.count} samples (${l.ids.slice(0, 3).join(', ')}${l.count > 3 ? ', ...' : ''})`,
      );
      return {
        document: result,
        text: [
          `${context.dryRun ? 'Would write' : 'Wrote'} ${result.rows} samples as ${result.format} to ${result.out} (${result.mediaFiles} image files, ${result.images}).`,
          ...(result.fetched === undefined
            ? []
            : [
                `${result.fetched.urls} URLs: ${result.fetched.fetched} fetched, ${result.fetched.cached} there already, ${result.fetched.failed} failed`,
              ]),
          ...(lost.length === 0 ? [] : ['Not held by this format:', ...lost]),
        ].join('\n'),
      };
    }),
  );
};
