import { relative } from 'node:path';
import { commandLine } from '../../base/cli-flags.ts';
import type { ImportResult } from '../../store/verbs/import.ts';
import { action, withDryRun } from '../command.ts';
import { collect, type FetchFlags, fetchOptions, withFetch } from '../file-options.ts';
import type { Register, VerbFacts } from '../program.ts';

interface Given extends FetchFlags {
  images?: string;
  allow?: string[];
  findMedia?: true;
  format?: string;
  name?: string;
  option?: string[];
  replace?: true;
}

/** @public Read by `scripts/write-registries.mjs`. */
export const verb: VerbFacts = { order: 10, group: 'Data:', summary: 'Add a data set to the project' };

/** `winnow import PATH`: take a data set into the project (made where there is none). */
export const register: Register = (program, session) => {
  const command = program
    .command('import')
    .description('Add a data set to the project: detect its format, index it and list the rows that cannot be read')
    .argument('<path>', 'file or folder of the data set')
    .option('-i, --images <dir>', 'media root: folder that image paths are relative to (default: folder of the file)')
    .option('--allow <dir>', 'folder outside the media root that links may lead to; repeatable', collect)
    .option('--find-media', 'look below the media root, by name, for media that are not where their paths say')
    .option('-f, --format <format>', 'format of the file (default: detected)')
    .option('-n, --name <name>', 'name in the project (default: file name)')
    .option('--replace', 'replace another data set of that name')
    .option('--option <key=value...>', 'option of the format; dataset=NAME picks an entry of a dataset_info.json');
  withDryRun(withFetch(command)).action(
    action(session, async (context, path: string, given: Given) => {
      const { importDataset } = await import('../../store/verbs/import.ts');
      const { optionPairs } = await import('../option-pairs.ts');
      const { images, format, name } = given;
      const found = await importDataset(context.project, {
        path,
        images,
        allow: given.allow,
        findMedia: given.findMedia,
        format,
        name,
        replace: given.replace,
        options: optionPairs(given.option),
        fetch: fetchOptions(given),
        dryRun: context.dryRun,
        signal: context.signal,
        progress: (_rows, bytes, total) => context.progress.update(bytes, total, 'indexing (bytes)'),
        fetching: (done, total, what) => context.progress.update(done, total, what),
      });
      return { document: found, text: () => importText(found) };
    }),
  );
};

/** What `--find-media` came to. */
function foundLines({ foundMedia }: ImportResult): string[] {
  if (foundMedia === undefined) return [];
  const { found, ambiguous, missing } = foundMedia;
  const some = (lines: readonly string[], count: number): string[] => [
    ...lines.slice(0, 5),
    ...(count > 5 ? [`    and ${count - 5} more (--json lists all)`] : []),
  ];
  return [
    `  ${found} media were found under other paths; every command uses them there from now on`,
    ...(ambiguous.length === 0
      ? []
      : [
          `  ${ambiguous.length} paths are left as they are, since it is not certain which file they mean:`,
          ...some(
            ambiguous.map(({ path, files }) => `    ${path}: ${files.slice(0, 3).join(', ')}`),
            ambiguous.length,
          ),
        ]),
    ...(missing.length === 0
      ? []
      : [
          `  of ${missing.length} no file has the name:`,
          ...some(
            missing.map((path) => `    ${path}`),
            missing.length,
          ),
        ]),
  ];
}

function importText(found: ImportResult): string {
  const sources = Object.entries(found.sources);
  const shown = sources.slice(0, 8).map(([name, n]) => `${name} ${n}`);
  const bad = found.quarantined;
  const { images, missing, because, hint } = found.looked;
  return [
    `${found.name}: ${found.rows} rows, ${found.format} (${found.detected})`,
    `  media under ${relative(process.cwd(), found.mediaRoot) || '.'}; ${found.textOnly} rows without an image`,
    ...(missing === 0
      ? []
      : [
          `  ${missing} of the first ${images} images can't be had: ${because}`,
          ...(hint === undefined
            ? ['  Check --images, the folder that image paths start from; winnow doctor looks at every image.']
            : [`  ${hint.text}${hint.command === undefined ? '' : `: ${hint.command}`}`]),
        ]),
    ...foundLines(found),
    ...(sources.length > 1 ? [`  sources: ${shown.join(', ')}${sources.length > 8 ? ', ...' : ''}`] : []),
    ...(bad.length === 0
      ? []
      : [
          `  ${bad.length} ${bad.length === 1 ? 'row' : 'rows'} can't be used and ${bad.length === 1 ? 'is' : 'are'} set aside:`,
          ...bad.slice(0, 5).map((q) => `    row ${q.row} (${q.id}): ${q.reason}`),
          ...(bad.length > 5 ? [`    and ${bad.length - 5} more (--json lists all)`] : []),
        ]),
    ...(found.fetched === undefined
      ? []
      : [
          `  ${found.fetched.urls} URLs: ${found.fetched.fetched} fetched, ${found.fetched.cached} there already, ${found.fetched.failed} failed`,
        ]),
    found.saved
      ? `Next: ${commandLine(['score', 'loss'], { dataset: found.isDefault ? undefined : found.name })}`
      : 'Dry run: nothing was saved.',
  ].join('\n');
}
