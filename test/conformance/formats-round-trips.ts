import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '../../src/dataset/canonical.ts';
import type { Format, WriteOptions } from '../../src/dataset/format.ts';
import { axolotl } from '../../src/dataset/formats/axolotl.ts';
import { isObject } from '../../src/dataset/formats/build.ts';
import { llava } from '../../src/dataset/formats/llava.ts';
import { neutral } from '../../src/dataset/formats/neutral.ts';
import { openai } from '../../src/dataset/formats/openai.ts';
import { qwenVl } from '../../src/dataset/formats/qwen-vl.ts';
import { sharegpt } from '../../src/dataset/formats/sharegpt.ts';
import { swift } from '../../src/dataset/formats/swift.ts';
import { trl } from '../../src/dataset/formats/trl.ts';
import type { Sample } from '../../src/dataset/sample.ts';
import { checkParquetSchema, checkTarMembers } from './formats-binary.ts';

export interface FormatCheck {
  file: string;
  status: 'ok' | 'fail' | 'skip';
  /** What differs, expected, got; or why it was skipped. */
  detail?: string;
}

interface Fixture {
  format: Format;
  options: WriteOptions['options'];
  /** Reading the file gives the neutral samples back (not where rows were exploded: their ids say so). */
  readsBack: boolean;
}

const FIXTURES: Record<string, Fixture> = {
  'llava.json': { format: llava, options: {}, readsBack: true },
  'llamafactory_sharegpt.json': { format: sharegpt, options: {}, readsBack: true },
  'messages_placeholder.jsonl': { format: sharegpt, options: { style: 'messages' }, readsBack: true },
  'trl_messages.jsonl': { format: trl, options: {}, readsBack: true },
  'trl_prompt_completion_exploded.jsonl': { format: trl, options: { form: 'prompt-completion' }, readsBack: false },
  'openai.jsonl': { format: openai, options: {}, readsBack: true },
  'swift.jsonl': { format: swift, options: {}, readsBack: true },
  'axolotl.jsonl': { format: axolotl, options: {}, readsBack: true },
  'qwen_vl.json': { format: qwenVl, options: {}, readsBack: true },
};

/**
 * Check every fixture of a `formats` folder against its `neutral.jsonl`: what each format writes must equal the file by
 * value and key order, row by row, and the file must read back as the neutral samples. Rows that a format can't hold
 * are not in its file.
 */
export async function conformFormats(folder: string): Promise<FormatCheck[]> {
  const names = (await readdir(folder)).sort();
  if (!names.includes('neutral.jsonl'))
    return names.map((file) => ({ file, status: 'skip', detail: 'no neutral.jsonl beside it' }));
  const samples = readAll(neutral, await records(join(folder, 'neutral.jsonl')), 'neutral.jsonl');
  const checks: FormatCheck[] = [];
  for (const file of names) {
    const path = join(folder, file);
    try {
      if (file === 'neutral.jsonl')
        checks.push(
          verdict(
            file,
            compare(
              await records(path),
              samples.flatMap((sample) => neutral.write(sample, { options: {} })),
            ),
          ),
        );
      else if (file === 'dataset_info.json')
        checks.push(verdict(file, checkRegistry(JSON.parse(await readFile(path, 'utf8')))));
      else if (file === 'parquet_schema.json') checks.push(verdict(file, await checkParquetSchema(path, samples)));
      else if (file === 'webdataset_members.json') checks.push(verdict(file, await checkTarMembers(path, samples)));
      else if (FIXTURES[file] === undefined) checks.push({ file, status: 'skip', detail: 'no format of this name' });
      else checks.push(verdict(file, checkFixture(FIXTURES[file], samples, await records(path), file)));
    } catch (error) {
      checks.push({ file, status: 'fail', detail: (error as Error).message });
    }
  }
  return checks;
}

function verdict(file: string, difference: string | undefined): FormatCheck {
  return difference === undefined ? { file, status: 'ok' } : { file, status: 'fail', detail: difference };
}

function checkFixture(
  { format, options, readsBack }: Fixture,
  samples: Sample[],
  expected: unknown[],
  file: string,
): string | undefined {
  const held = samples.filter((sample) => format.cannotHold(sample, { options }).length === 0);
  const written = compare(
    expected,
    held.flatMap((sample) => format.write(sample, { options })),
  );
  if (written !== undefined || !readsBack) return written;
  const back = readAll(format, expected, file);
  // Rows of a format without ids are called by their place.
  for (const [row, sample] of back.entries()) if (!('id' in (expected[row] as object))) sample.id = held[row]!.id;
  const index = back.findIndex((sample, row) => canonicalJson(sample) !== canonicalJson(held[row]!));
  return index < 0
    ? undefined
    : `row ${index} reads as ${canonicalJson(back[index]!)}, expected ${canonicalJson(held[index]!)}`;
}

function checkRegistry(expected: unknown): string | undefined {
  if (!isObject(expected)) return 'not an object';
  for (const [name, entry] of Object.entries(expected)) {
    if (!isObject(entry) || typeof entry.file_name !== 'string') return `entry "${name}" has no file_name`;
    const columns = isObject(entry.columns) ? entry.columns : {};
    const style = columns.messages === 'messages' ? { style: 'messages' } : {};
    const [side] = sharegpt.sideFiles!(
      entry.file_name,
      { options: { ...style, name } },
      new Set('tools' in columns ? ['tools'] : []),
    );
    const difference = compare([entry], [JSON.parse(side!.content)[name]]);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function compare(expected: unknown[], got: unknown[]): string | undefined {
  if (expected.length !== got.length) return `${got.length} rows, expected ${expected.length}`;
  const index = expected.findIndex((row, i) => JSON.stringify(row) !== JSON.stringify(got[i]));
  return index < 0
    ? undefined
    : `row ${index}: expected ${JSON.stringify(expected[index])}, got ${JSON.stringify(got[index])}`;
}

function readAll(format: Format, rows: unknown[], file: string): Sample[] {
  return rows.map((record, row) => {
    const read = format.read(record, { file, row, options: {} });
    if (!read.ok) throw read.error;
    return read.sample;
  });
}

async function records(path: string): Promise<unknown[]> {
  const text = await readFile(path, 'utf8');
  if (path.endsWith('.json')) return JSON.parse(text) as unknown[];
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as unknown);
}
