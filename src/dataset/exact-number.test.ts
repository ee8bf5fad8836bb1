import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ExactNumber, exactJson, parseExact, parsePython, plainNumbers } from './exact-number.ts';
import { openDataset } from './open/open.ts';
import { writeDataset } from './verbs/write.ts';

const room = (): string => mkdtempSync(join(tmpdir(), 'winnow-exact-'));

it('gives back every number and every text of JSON as it stands', () => {
  const text =
    '{"id":1610521604143693812,"u":18446744073709551615,"a":[1.0,2,-0.0,-0,0.10,1e-07,1E5,1e400,0.1000000000000000055],' +
    '"__proto__":{"x":1.0},"constructor":3.50,"toString":"1.0","s":"[1.0, -0] \\"2.0 9007199254740993"}';
  expect(exactJson(parseExact(text))).toBe(text);
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const json = JSON.stringify(value);
      expect(exactJson(parseExact(json))).toBe(json);
      expect(JSON.stringify(plainNumbers(parseExact(json)))).toBe(json);
    }),
  );
});

it('reads what Python writes for numbers that JSON has not, and says null where JSON is wanted', () => {
  const value = parsePython('{"a": NaN, "b": [-Infinity, "NaN"]}');
  expect(exactJson(value, 'literal')).toBe('{"a":NaN,"b":[-Infinity,"NaN"]}');
  expect(exactJson(value)).toBe('{"a":null,"b":[null,"NaN"]}');
  expect(Math.min(3, new ExactNumber('2.50') as unknown as number)).toBe(2.5);
});

it('carries ids and numbers of every size through JSON, Parquet and WebDataset', async () => {
  const folder = room();
  writeFileSync(join(folder, 'a.png'), 'pixels');
  const rows = [
    '"id":1610521604143693812,"n":9007199254740993,"u":18446744073709551615,"f":1.0,"m":1,"big":1e400,"deep":{"x":[1.0,-0]}',
    '"id":1610521604143693813,"n":-5,"u":18446744073709551614,"f":-0.0,"m":2.50,"big":12345678901234567890123,"deep":[0.10]',
    '"id":"k","n":7,"u":3,"f":1e-07,"m":0.1000000000000000055,"big":0.5,"deep":{"__proto__":1.0},"constructor":"c","toString":3.0',
  ];
  const turns = '"image":"a.png","conversations":[{"from":"human","value":"<image>\\nA?"},{"from":"gpt","value":"b"}]';
  const input = join(folder, 'in.json');
  writeFileSync(input, `[${rows.map((row) => `{${row},${turns}}`).join(',\n')}]`);
  const text = async (path: string): Promise<string[]> => {
    const dataset = await openDataset(path);
    const samples = await dataset.get([0, 1, 2]);
    const read = samples.map((sample) => exactJson({ ...sample, media: dataset.hash.length }));
    await dataset.close();
    return read;
  };
  const original = await text(input);
  expect(original[0]).toContain('"n":9007199254740993,"u":18446744073709551615,"f":1.0');
  for (const format of ['llava', 'trl', 'swift', 'neutral', 'parquet', 'webdataset']) {
    const dataset = await openDataset(input);
    const out = join(folder, format);
    const options = { ids: true };
    await writeDataset({
      samples: (await dataset.get([0, 1, 2])) as never,
      format,
      out,
      mediaRoot: dataset,
      media: 'copy',
      options,
    });
    await dataset.close();
    const back = (await text(out)).map((json) => json.replaceAll('images/', ''));
    const sorted = (json: string): unknown => exactJson(sortedKeys(parseExact(json)));
    expect([format, ...back.map(sorted)]).toEqual([format, ...original.map(sorted)]);
  }
});

function sortedKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof ExactNumber) return value;
  if (Array.isArray(value)) return value.map(sortedKeys);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sortedKeys(item)]));
}
