import { closeSync, mkdtempSync, openSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRecord } from './json-parse.ts';
import { type JsonLayout, splitRecords } from './json-split.ts';
import { openWindow } from './json-window.ts';

const folder = mkdtempSync(join(tmpdir(), 'winnow-split-'));

/** Records of a text, through a window small enough that values cross its edges. */
function split(text: string | Buffer, layout: JsonLayout, chunk = 16): { values: unknown[]; bad: string[] } {
  const path = join(folder, 'x.json');
  writeFileSync(path, text);
  const fd = openSync(path, 'r');
  const values: unknown[] = [];
  const bad: string[] = [];
  try {
    const window = openWindow(fd, 0, chunk);
    window.refill(0);
    const spans = splitRecords(window, layout);
    for (let step = spans.next(); !step.done; ) {
      const { start, end, damage, offset } = step.value;
      const bytes = window.bytes.subarray(start, end);
      expect(
        Buffer.from(text)
          .subarray(offset, offset + end - start)
          .equals(bytes),
      ).toBe(true);
      const parsed = damage === undefined ? parseRecord(bytes) : undefined;
      if (parsed?.ok) values.push(parsed.value);
      else bad.push(bytes.toString());
      step = spans.next(parsed?.ok === true);
    }
  } finally {
    closeSync(fd);
  }
  return { values, bad };
}

const whitespace = fc.array(fc.constantFrom(' ', '\n', '\r\n', '\t'), { maxLength: 3 }).map((parts) => parts.join(''));
const tricky = fc
  .array(fc.constantFrom('\\', '"', '{', '}', '[', ']', ',', 'é', '\u{1f98a}', '\n', 'a'), { maxLength: 40 })
  .map((c) => c.join(''));
const value = fc.oneof(fc.jsonValue(), tricky, fc.dictionary(tricky, tricky));

describe('splitRecords', () => {
  it('cuts any JSON array into the elements that JSON.parse sees', () => {
    fc.assert(
      fc.property(
        fc.array(value),
        whitespace,
        fc.constantFrom(0, 1, 3),
        fc.integer({ min: 1, max: 64 }),
        (array, space, indent, chunk) => {
          const parts = array.map((item) => JSON.stringify(item, null, indent));
          const text = `[${space}${parts.join(`${space},${space}`)}${space}]${space}`;
          const { values, bad } = split(text, 'array', chunk);
          expect(bad).toEqual([]);
          expect(values).toEqual(JSON.parse(text));
        },
      ),
      { numRuns: 400 },
    );
  });

  it('cuts lines, whatever their ends', () => {
    fc.assert(
      fc.property(
        fc.array(value),
        fc.constantFrom('\n', '\r\n', '\n\n'),
        fc.boolean(),
        fc.integer({ min: 1, max: 64 }),
        (items, eol, last, chunk) => {
          const text = items.map((item) => JSON.stringify(item)).join(eol) + (last ? eol : '');
          expect(split(text, 'lines', chunk)).toEqual({ values: JSON.parse(JSON.stringify(items)), bad: [] });
        },
      ),
    );
  });

  it('cuts objects that follow each other over several lines', () => {
    const { values } = split('{\n "a": 1\n}\n{\n "a": [2]\n}\n', 'sequence');
    expect(values).toEqual([{ a: 1 }, { a: [2] }]);
  });

  const row = (i: number): string => `{"id": "r${i}", "turns": [{"from": "a", "value": "text ${i}"}]}`;

  it.each([
    ['a lost quote', '{"id": "r1, "turns": [{"from": "a", "value": "t"}]}'],
    ['a lost closing quote late in the row', '{"id": "r1", "turns": [{"from": "a", "value": "t}]}'],
    ['a lost bracket', '{"id": "r1", "turns": [{"from": "a", "value": "t"}}'],
    ['an extra bracket', '{"id": "r1", "turns": [{"from": "a", "value": "t"}]]}'],
    ['a row cut off', '{"id": "r1", "turns": [{"from": "a", "va'],
    ['bare words', '{"id": "r1", turns: oops}'],
    ['no JSON at all', '<<garbage>>'],
  ])('loses only the damaged record: %s', (_what, broken) => {
    for (const joint of [', ', ',\n ']) {
      const { values, bad } = split(`[${[row(0), broken, row(2), row(3)].join(joint)}]`, 'array');
      expect(values).toEqual([JSON.parse(row(0)), JSON.parse(row(2)), JSON.parse(row(3))]);
      expect(bad.length).toBeGreaterThan(0);
    }
  });

  it('says where a file that was cut off ends', () => {
    const text = `[${row(0)}, ${row(1)}, {"id": "r2", "tu`;
    expect(() => split(text, 'array')).toThrow(/ends inside/);
    expect(() => split(`[${row(0)}, ${row(1)}`, 'array')).toThrow(/before the array is closed/);
  });
});
