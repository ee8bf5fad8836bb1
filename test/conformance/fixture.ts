import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';

/** One file under test: `DIR/<folder>/<file>`. */
export interface Fixture {
  folder: string;
  file: string;
  path: string;
}

/** What a fixture holds, where it is one of the kind with inputs and outputs. */
export interface Case {
  /** Empty where the fixture states its inputs in the keys of its outputs. */
  inputs: Record<string, unknown>;
  /** A list of records, one a case, is turned into a record of lists. */
  outputs: Record<string, unknown>;
  /** Whatever else the file holds. */
  beside: Record<string, unknown>;
  /** The entries of an input in the order of the file: an object lists keys that look like whole numbers first. */
  entries(key: string): [string, unknown][];
}

/** Fixtures of a folder, sorted by name. READMEs and hidden files are no fixtures, nor are folders inside. */
export async function listFixtures(dir: string): Promise<Map<string, Fixture[]>> {
  const folders = (await readdir(dir, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const found = new Map<string, Fixture[]>();
  for (const { name: folder } of folders.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const entries = await readdir(join(dir, folder), { withFileTypes: true });
    const files = entries
      .filter((entry) => !entry.isDirectory() && !/^(\.|readme(\.|$))/i.test(entry.name))
      .map((entry) => entry.name)
      .sort();
    if (files.length > 0) {
      found.set(
        folder,
        files.map((file) => ({ folder, file, path: join(dir, folder, file) })),
      );
    }
  }
  return found;
}

/**
 * The case in a file, or in words why there is none: `broken` for a damaged file, `unknown` for one of another shape.
 */
export async function readCase(
  fixture: Fixture,
): Promise<{ found: Case } | { found?: undefined; problem: 'broken' | 'unknown'; because: string }> {
  if (extname(fixture.file) !== '.json') {
    return { problem: 'unknown', because: `no check for a ${extname(fixture.file) || 'nameless'} file of this folder` };
  }
  let text: string;
  let value: unknown;
  try {
    text = await readFile(fixture.path, 'utf8');
    value = parseLenient(text);
  } catch (error) {
    return { problem: 'broken', because: `can't be read as JSON: ${(error as Error).message.split('\n')[0]}` };
  }
  const { inputs = {}, outputs: given, ...beside } = isRecord(value) ? value : {};
  const outputs = Array.isArray(given) && given.length > 0 && given.every(isRecord) ? columnsOf(given) : given;
  if (!isRecord(inputs) || !isRecord(outputs)) {
    return { problem: 'unknown', because: 'no check: it has no objects `inputs` and `outputs`' };
  }
  return { found: { inputs, outputs, beside, entries: (key) => entriesInOrder(text, key) } };
}

const MARK = '\uE000';

function entriesInOrder(text: string, key: string): [string, unknown][] {
  const marked = parseLenient(text.replace(/"(\d+)"(?=\s*:)/g, `"${MARK}$1"`)) as { inputs: Record<string, unknown> };
  const input = marked.inputs[key];
  if (!isRecord(input)) throw new TypeError(`${key} is no object`);
  return Object.entries(input).map(([name, value]) => [name.replace(MARK, ''), value]);
}

/** `[{ a: 1 }, { a: 2 }]` as `{ a: [1, 2] }`. */
function columnsOf(records: Record<string, unknown>[]): Record<string, unknown> {
  const keys = new Set(records.flatMap((record) => Object.keys(record)));
  return Object.fromEntries([...keys].map((key) => [key, records.map((record) => record[key])]));
}

/**
 * JSON as Python's `json` writes it: the bare words NaN and Infinity are let through, as texts that `toNumber` reads.
 */
function parseLenient(text: string): unknown {
  if (text.trim() === '') throw new SyntaxError('the file is empty');
  const words = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;
  return JSON.parse(text.replace(words, (token) => (token.startsWith('"') ? token : `"${token}"`)));
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A number of a fixture; null is NaN. @throws if it is something else */
export function toNumber(value: unknown, what: string): number {
  if (value === null) return Number.NaN;
  if (typeof value === 'number') return value;
  if (typeof value === 'string' && /^(-?Infinity|NaN)$/.test(value)) return Number(value);
  throw new TypeError(`${what} is no number: ${JSON.stringify(value)}`);
}

/** A list of numbers of a fixture. @throws if it is something else */
export function toNumbers(value: unknown, what: string): number[] {
  if (!Array.isArray(value)) throw new TypeError(`${what} is no list: ${JSON.stringify(value)?.slice(0, 80)}`);
  return value.map((one, i) => toNumber(one, `${what}[${i}]`));
}
