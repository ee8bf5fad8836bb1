import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Quarantined, WinnowError } from '../../base/errors.ts';
import type { Dataset } from '../dataset.ts';
import { exactJson } from '../exact-number.ts';
import { formatNamed } from '../formats/detect.ts';
import { createMediaDigests } from '../media/media-digest.ts';
import type { Sample } from '../sample.ts';
import { assignParts, components, type Part, wholeShares } from './split-assign.ts';
import {
  type InputOptions,
  type Output,
  type OutputOptions,
  openInput,
  outputFormat,
  samplesOf,
  stageOutput,
} from './transform.ts';
import { mainFile } from './write.ts';

export interface SplitRequest extends InputOptions, OutputOptions {
  /** File or folder to read. */
  input: string;
  /** Folder to write `<part>.<extension>` into. */
  out: string;
  /** Names and shares; shares sum to 1, e.g. `{ train: 0.9, test: 0.1 }`. */
  parts: Readonly<Record<string, number>>;
  /** Keep the proportions of `source`, `category`, or another column. @default 'source' */
  stratify?: string | undefined;
  /** @default 42 */
  seed?: number | undefined;
}

export interface SplitPart extends Output {
  name: string;
  /** Rows that the share alone would give. */
  wanted: number;
  /** Rows of each stratum. */
  strata: Record<string, number>;
}

export interface SplitResult {
  input: string;
  rows: number;
  /** Groups of rows that share an image, directly or through other rows. */
  groups: number;
  /** Rows of the largest group. */
  largest: number;
  seed: number;
  stratify: string;
  parts: SplitPart[];
  quarantined: readonly Quarantined[];
}

/**
 * Divide a data set so that no image is in two parts, whether it is the same file or another file with the same bytes.
 * Rows without media are divided one by one. The same seed gives the same parts.
 *
 * @throws WinnowError `PARTS_INVALID`, `COLUMN_UNKNOWN` (no row has the column to stratify by), and those of opening
 * and writing
 */
export async function splitDataset(request: SplitRequest): Promise<SplitResult> {
  const parts = checkParts(request.parts);
  const { seed = 42, stratify = 'source' } = request;
  const dataset = await openInput(request.input, request, request);
  try {
    const look = await lookAtRows(dataset, stratify, request);
    if (request.stratify !== undefined && look.names.length === 1 && look.names[0] === NONE)
      throw noColumn(dataset, stratify);
    const component = components(look.keys);
    const assigned = assignParts(component, look.strata, parts, seed);
    const wanted = wholeShares(parts, look.rows.length);
    const rowsOf = parts.map((_, p) => look.rows.filter((_, i) => assigned[i] === p));
    const format = outputFormat(request.to, '', dataset.format);
    const { container, extension } = formatNamed(format);
    const outs = parts.map(({ name }) =>
      join(resolve(request.out), container === 'folder' ? name : `${name}${extension}`),
    );
    // Some parts without the others are what a killed run leaves: this one finishes them.
    const resume = !outs.every((out) => existsSync(mainFile(out, formatNamed(format))));
    const written: Output[] = [];
    const staged: Awaited<ReturnType<typeof stageOutput>>[] = [];
    try {
      for (const [p, out] of outs.entries()) {
        const rows = samplesOf(dataset, rowsOf[p]!, request);
        const how = { ...request, resume, to: format, out, like: dataset.format, inputs: [dataset], scope: dataset };
        staged.push(await stageOutput(rows, how));
      }
      // All parts are whole before the first appears: what one of them would refuse must not leave the others behind.
      for (const part of staged) written.push(await part.commit());
    } finally {
      for (const part of staged) await part.discard();
    }
    const sizes = new Map<number, number>();
    for (const c of component) sizes.set(c, (sizes.get(c) ?? 0) + 1);
    return {
      input: dataset.path,
      rows: look.rows.length,
      groups: sizes.size,
      largest: Math.max(0, ...sizes.values()),
      seed,
      stratify,
      parts: parts.map(({ name }, p) => ({
        name,
        wanted: wanted[p]!,
        strata: tally(
          look.strata.filter((_, i) => assigned[i] === p),
          look.names,
        ),
        ...written[p]!,
      })),
      quarantined: dataset.quarantined,
    };
  } finally {
    await dataset.close();
  }
}

const NONE = 'none';

interface Look {
  /** Rows that can be read. */
  rows: number[];
  /** Keys of each of them: its media by place and by content. */
  keys: string[][];
  /** Stratum of each of them, an index into `names`. */
  strata: Int32Array;
  names: string[];
}

async function lookAtRows(dataset: Dataset, column: string, options: OutputOptions): Promise<Look> {
  const digests = createMediaDigests();
  const rows: number[] = [];
  const keys: string[][] = [];
  const strata: number[] = [];
  const numbers = new Map<string, number>();
  for await (const { start, samples } of dataset.batches({ size: 256 })) {
    options.signal?.throwIfAborted();
    for (const [i, sample] of samples.entries()) {
      if (sample === null) continue;
      const media = [...sample.media.images, ...sample.media.videos];
      const known = await Promise.all(media.map((ref) => digests(dataset, ref)));
      const stratum = stratumOf(dataset, start + i, sample, column);
      if (!numbers.has(stratum)) numbers.set(stratum, numbers.size);
      rows.push(start + i);
      keys.push(
        known.flatMap(({ place, content }) => [`p${place}`, ...(content === undefined ? [] : [`c${content}`])]),
      );
      strata.push(numbers.get(stratum)!);
    }
    options.progress?.(start + samples.length, dataset.rows, 'rows looked at');
  }
  return { rows, keys, strata: Int32Array.from(strata), names: [...numbers.keys()] };
}

function stratumOf(dataset: Dataset, row: number, sample: Sample, column: string): string {
  const value =
    column === 'source' ? dataset.sourceOf(row) : Object.hasOwn(sample.meta, column) ? sample.meta[column] : undefined;
  if (value === undefined || value === null) return NONE;
  return typeof value === 'string' ? value : exactJson(value, 'literal');
}

function tally(strata: Int32Array, names: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const stratum of strata) counts.set(names[stratum]!, (counts.get(names[stratum]!) ?? 0) + 1);
  return Object.fromEntries(counts);
}

function checkParts(given: Readonly<Record<string, number>>): Part[] {
  const parts = Object.entries(given).map(([name, share]) => ({ name, share }));
  const sum = parts.reduce((total, { share }) => total + share, 0);
  const fault =
    parts.length < 2
      ? 'a split has two parts or more'
      : parts.some(({ share }) => !(share > 0))
        ? 'every share is a number above 0'
        : Math.abs(sum - 1) > 1e-6
          ? `the shares sum to ${Number(sum.toFixed(6))}, not to 1`
          : parts.find(({ name }) => !/^[\p{L}\p{N}][\p{L}\p{N}._-]*$/u.test(name));
  if (fault === undefined) return parts;
  throw new WinnowError({
    code: 'PARTS_INVALID',
    message: typeof fault === 'string' ? fault : `"${fault.name}" can't be the name of a file.`,
    hint: 'Write parts as train=0.9,test=0.1.',
    exitCode: 2,
  });
}

function noColumn(dataset: Dataset, column: string): WinnowError {
  return new WinnowError({
    code: 'COLUMN_UNKNOWN',
    message: `No row has a ${column === 'source' ? 'source' : `column "${column}"`} to stratify by.`,
    where: { file: dataset.path },
    hint: 'Stratify by source, category, or another column of the rows.',
    exitCode: 2,
  });
}
