import { createHash } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { WinnowError } from '../../base/errors.ts';
import { openAtomic, sweepTemporary, writeFileAtomic } from '../../base/files/atomic.ts';
import { makeFolder } from '../../base/files/make-folder.ts';
import { outputGuard } from '../../base/files/output-guard.ts';
import type { Dataset } from '../../dataset/dataset.ts';
import { formatNamed } from '../../dataset/formats/detect.ts';
import type { Sample } from '../../dataset/sample.ts';
import { keepSources, sourceFiles } from '../../dataset/source-files.ts';
import { type Loss, writeDataset } from '../../dataset/verbs/write.ts';
import type { Fix, FixContext } from '../checks/check.ts';
import { countMismatch } from '../checks/references.ts';
import { codeOfFault } from '../checks/structure.ts';
import type { Examined } from '../examine.ts';
import type { Target } from '../target.ts';

/** Code of a change that nobody asked for: the format reads more than it writes. */
const NOT_HELD = 'FORMAT_CANNOT_HOLD';

/** FixedImage media lie here in the new version's folder. */
const FIXED_MEDIA = 'fixed-media';

export interface FixRequest {
  /** Folder or main file of the new version; nothing that is there is replaced. */
  out: string;
  target?: Target;
  signal?: AbortSignal;
  progress?: (done: number, total: number, what: string) => void;
}

/** One line of the change log: what was done to a row, or why it isn't in the new version (`is` null). */
export interface Change {
  id: string;
  code: string;
  was: unknown;
  is: unknown;
}

/** What the new version is; JSON. */
export interface FixResult {
  /** The new version's main file. */
  path: string;
  /** Its name as a data set of the project, where there is one. */
  dataset?: string;
  /** One JSON line for each change. */
  log: string;
  rows: number;
  /** Rows that were changed and rows left out, by code. */
  changed: Record<string, number>;
  dropped: Record<string, number>;
  /** What the format could not hold, or media that were not there. */
  lost: Loss[];
}

/**
 * Write a new version of a data set: every row that was found fixable is fixed, what can't be used is left out, and
 * each change is logged. The data set itself is never touched. Throws `OUTPUT_EXISTS`.
 */
export async function writeFixed(dataset: Dataset, examined: Examined, request: FixRequest): Promise<FixResult> {
  const out = resolve(request.out);
  const folder = /\.\w+$/.test(basename(out)) && dataset.format !== 'folder' ? dirname(out) : out;
  const stem = folder === out ? '' : `${basename(out, extname(out))}.`;
  const logFile = join(folder, `${stem}changes.jsonl`);
  const store = mediaStore(join(folder, FIXED_MEDIA));
  const changed: Record<string, number> = {};
  const dropped: Record<string, number> = {};
  sweepTemporary(folder);
  const guard = outputGuard({ keeps: keepSources([sourceFiles(dataset)]) });
  await guard.check(logFile);
  const lines = await openAtomic(logFile);
  let isLogged = false;
  try {
    let text = '';
    const write = { options: { ...dataset.options, ...(dataset.format === 'llava' ? { dialect: 'llava-next' } : {}) } };
    const format = formatNamed(dataset.format);
    const note = async (change: Change): Promise<void> => {
      const sort = change.is === null ? dropped : changed;
      sort[change.code] = (sort[change.code] ?? 0) + 1;
      await log(change);
    };
    const log = async (change: Change): Promise<void> => {
      text += `${JSON.stringify(change)}\n`;
      if (text.length > 1 << 20) await flush();
    };
    const flush = async (): Promise<void> => {
      await lines.handle.writeFile(text);
      text = '';
    };
    // The data set appears last: where a new version is, its log is too, whenever the process ends.
    async function* samplesAndLog(): AsyncGenerator<Sample> {
      for await (const sample of fixedSamples(dataset, examined, request, store.put, note)) {
        for (const was of format.cannotHold(sample, write))
          await log({ id: sample.id, code: NOT_HELD, was, is: `no place for it in ${format.title}` });
        yield sample;
      }
      await flush();
      await lines.commit();
      isLogged = true;
    }
    const written = await writeDataset({
      samples: samplesAndLog(),
      format: dataset.format,
      ...write,
      out,
      media: 'link',
      mediaFolder: '',
      mediaRoot: {
        mediaRoot: dataset.mediaRoot,
        allow: [...(dataset.allow ?? []), folder],
        embedded: dataset.embedded,
        found: dataset.found,
      },
      guard,
      lossy: true,
      columnTypes: dataset.columnTypes,
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
    return { path: written.files[0]!, log: logFile, rows: written.rows, changed, dropped, lost: written.lost };
  } catch (error) {
    store.discard();
    if (isLogged) rmSync(logFile, { force: true });
    throw withHint(error);
  } finally {
    await lines.abort();
  }
}

interface RowFix {
  code: string;
  fix: Fix;
}

async function* fixedSamples(
  dataset: Dataset,
  { store, examinations }: Examined,
  { target, signal, progress }: FixRequest,
  put: FixContext['store'],
  note: (change: Change) => Promise<void>,
): AsyncGenerator<Sample> {
  const rowFixes: RowFix[] = examinations.flatMap(({ fixes = {} }) =>
    Object.entries(fixes).map(([code, fix]) => ({ code, fix })),
  );
  const faults = new Map(dataset.quarantined.map((fault) => [fault.row, fault]));
  for await (const { start, samples } of dataset.batches({
    salvage: true,
    signal,
  })) {
    progress?.(start, dataset.rows, 'writing the new version');
    for (const [index, given] of samples.entries()) {
      const row = start + index;
      const id = dataset.ids[row]!;
      const fault = faults.get(row);
      if (given === null) {
        await note({ id, code: codeOfFault(fault?.code ?? ''), was: fault?.reason ?? null, is: null });
        continue;
      }
      const context: FixContext = { row, id, dataset, store: put, target };
      let sample: Sample | null = given;
      for (const { code, fix } of rowFixes) {
        if (!store.isFixable(code, row)) continue;
        const fixed = await fix(sample, context);
        if (fixed === null) continue;
        const dropped = 'drop' in fixed;
        await note({ id, code, was: fixed.was, is: dropped ? null : fixed.is });
        sample = dropped ? null : fixed.sample;
        if (sample === null) break;
      }
      const unbalanced = sample === null || fault === undefined ? undefined : countMismatch(sample);
      if (unbalanced !== undefined) await note({ id, code: 'D101', was: unbalanced, is: null });
      else if (sample !== null) yield sample;
    }
  }
}

/**
 * Keeps the media that fixes made under names made of their content; what a failed run has made is taken away again.
 */
function mediaStore(folder: string): { put: FixContext['store']; discard(): void } {
  const isNew = !existsSync(folder);
  return {
    async put(bytes, extension) {
      const path = join(folder, `${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}${extension}`);
      if (!existsSync(path)) {
        makeFolder(folder);
        await writeFileAtomic(path, bytes);
      }
      return path;
    },
    discard() {
      if (isNew) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Nothing that is there is replaced here, not even with a flag. */
function withHint(error: unknown): unknown {
  if (!(error instanceof WinnowError) || error.code !== 'OUTPUT_EXISTS') return error;
  const { code, message, where } = error;
  return new WinnowError({ code, message, where, hint: 'Name another folder with --out.', exitCode: 2, cause: error });
}
