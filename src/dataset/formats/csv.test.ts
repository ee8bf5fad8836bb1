import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseCsv } from './csv.ts';

const quote = (cell: string): string => `"${cell.replaceAll('"', '""')}"`;

it('reads back any text, quoted or not where it need not be', () => {
  const cell = fc.oneof(fc.string(), fc.constantFrom('a,b', 'line\nbreak', 'say "hi"', '', '\r\n'));
  const table = fc.array(fc.tuple(fc.stringMatching(/^[a-z]{1,5}\.png$/), cell), { maxLength: 5 });
  fc.assert(
    fc.property(table, fc.constantFrom('\n', '\r\n'), (rows, end) => {
      const text = ['file_name,text', ...rows.map(([file, said]) => `${file},${quote(said)}`)].join(end) + end;
      expect(parseCsv(text)).toEqual(rows.map(([file_name, said]) => ({ file_name, text: said })));
    }),
  );
});

it('ends at the last line with or without a break, and refuses a quote that never closes', () => {
  expect(parseCsv('a,b\n1,')).toEqual([{ a: '1', b: '' }]);
  expect(parseCsv('a,b\n1,2')).toEqual([{ a: '1', b: '2' }]);
  expect(parseCsv('')).toEqual([]);
  expect(() => parseCsv('a\n"1')).toThrow('not well formed');
});
