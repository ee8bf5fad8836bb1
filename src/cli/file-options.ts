import { type Command, Option } from 'commander';
import { WinnowError } from '../base/errors.ts';
import { plural } from '../base/phrases.ts';
import { RenderOptions } from '../dataset/media/render.ts';
import type { FetchOptions } from '../dataset/verbs/fetch-dataset.ts';
import type { InputOptions, Output, OutputOptions } from '../dataset/verbs/transform.ts';
import type { CommandContext, Outcome } from './command.ts';
import { withDryRun } from './command.ts';
import { wholeNumber } from './option-numbers.ts';
import { optionPairs } from './option-pairs.ts';
import { addSchemaOptions, schemaValues } from './schema-options.ts';

/** What commander gives for the options below. */
export interface FileOptions extends FetchFlags {
  from?: string;
  images?: string;
  readOption?: string[];
  to?: string;
  media?: 'keep' | 'link' | 'copy' | 'embed';
  option?: string[];
  lossy?: true;
  force?: true;
}

/** What commander gives for {@link withFetch}. */
export interface FetchFlags {
  fetch?: true;
  fetchMaxBytes?: string;
  fetchTimeout?: string;
  fetchAllow?: string[];
}

export const collect = (value: string, all: string[] = []): string[] => [...all, value];

/** Remote media: `--fetch` and its limits. */
export function withFetch(command: Command): Command {
  return command
    .option('--fetch', 'download media given by URL (http or https, public addresses only)')
    .option('--fetch-max-bytes <n>', 'maximum size per media file in bytes (default: 33554432)')
    .option('--fetch-timeout <seconds>', 'maximum time per media file (default: 30)')
    .option('--fetch-allow <host>', 'host whose address need not be public; repeatable', collect);
}

/** @throws WinnowError `USAGE` for a limit without `--fetch` */
export function fetchOptions({ fetch, fetchMaxBytes, fetchTimeout, fetchAllow }: FetchFlags): FetchOptions | undefined {
  if (fetch !== true) {
    if (fetchMaxBytes === undefined && fetchTimeout === undefined && fetchAllow === undefined) return undefined;
    throw new WinnowError({
      code: 'USAGE',
      message: 'A limit of fetching is given, and nothing is fetched.',
      hint: 'Add --fetch.',
      exitCode: 2,
    });
  }
  return {
    maxBytes: fetchMaxBytes === undefined ? undefined : wholeNumber('--fetch-max-bytes', fetchMaxBytes, 1, 2 ** 40),
    timeout: fetchTimeout === undefined ? undefined : wholeNumber('--fetch-timeout', fetchTimeout, 1, 86_400),
    allow: fetchAllow,
  };
}

/** How a data set is read: `--from`, `--images`, `--read-option`. */
export function withInput(command: Command): Command {
  return withFetch(command)
    .option('--from <format>', 'format to read (default: detected)')
    .option('-i, --images <dir>', 'media root: folder that media paths are relative to (default: folder of the file)')
    .option('--read-option <key=value>', 'option of the input format; repeatable', collect);
}

/** How it is written: `--to`, `--media`, `--option`, `--lossy`, `--force`, `--dry-run`, and how images are rendered. */
export function withOutput(command: Command): Command {
  command
    .option('--to <format>', 'output format (default: by extension, else as the input)')
    .addOption(
      new Option(
        '--media <how>',
        'how media are written; keep leaves their paths as they are (default: keep beside the media, else link)',
      ).choices(['keep', 'link', 'copy', 'embed']),
    )
    .option('--option <key=value>', 'option of the output format; repeatable', collect)
    .option('--lossy', 'write even if the format cannot hold everything')
    .option('--force', 'replace an existing file; sources of data sets always stay');
  addSchemaOptions(command, RenderOptions);
  return withDryRun(command);
}

/** The options of {@link withInput} and {@link withOutput} as the API takes them. */
export async function fileOptions(
  context: CommandContext,
  given: FileOptions,
  out: string,
): Promise<InputOptions & Omit<OutputOptions, 'signal'> & { signal: AbortSignal }> {
  const { sourcesAround } = await import('../store/outputs.ts');
  return {
    from: given.from,
    images: given.images,
    readOptions: optionPairs(given.readOption),
    fetch: fetchOptions(given),
    to: given.to,
    media: given.media,
    options: optionPairs(given.option),
    render: schemaValues(RenderOptions, { ...given }),
    lossy: given.lossy === true,
    force: given.force === true,
    protect: sourcesAround(context.project, out),
    dryRun: context.dryRun,
    signal: context.signal,
    progress: (done, total, what) => context.progress.update(done, total, what),
  };
}

/**
 * The result and its text; where the data itself went to standard output (`-`), the text goes to stderr.
 */
export function outcome(context: CommandContext, out: string, document: unknown, text: () => string): Outcome {
  if (out !== '-' || context.dryRun) return { document, text };
  context.note(text());
  return { document, text: '' };
}

/** Before the work: `--json` and `-` both want standard output. */
export function requireOneStream(context: CommandContext, out: string): void {
  if (out !== '-' || !context.json || context.dryRun) return;
  throw new WinnowError({
    code: 'USAGE',
    message: '"-" writes the data to standard output, where --json prints its document.',
    hint: 'Leave --json out, or name a file.',
    exitCode: 2,
  });
}

/** `Wrote 12 rows as trl to out.jsonl (4 media files, link).` and what was lost. */
export function outputText({ rows, format, out, mediaFiles, media, lost }: Output, dryRun: boolean): string {
  const losses = lost.map(
    ({ what, count, ids }) =>
      `  ${what}: ${plural(count, 'row')} (${ids.slice(0, 3).join(', ')}${count > 3 ? ', ...' : ''})`,
  );
  const files = mediaFiles === 0 ? `media: ${media}` : `${plural(mediaFiles, 'media file')}, ${media}`;
  return [
    `${dryRun ? 'Would write' : 'Wrote'} ${plural(rows, 'row')} as ${format} to ${out} (${files}).`,
    ...(losses.length === 0 ? [] : ['Not held or not found:', ...losses]),
  ].join('\n');
}

/** Lines about rows that were set aside; none where there are none. */
export function quarantineText(quarantined: readonly { row: number; id: string; reason: string }[]): string[] {
  if (quarantined.length === 0) return [];
  return [
    `${plural(quarantined.length, 'row')} can't be used and ${quarantined.length === 1 ? 'is' : 'are'} left out:`,
    ...quarantined.slice(0, 5).map(({ row, id, reason }) => `  row ${row} (${id}): ${reason}`),
    ...(quarantined.length > 5 ? [`  and ${quarantined.length - 5} more (--json lists all)`] : []),
  ];
}
