import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { splitDataset } from './split.ts';
import { assignParts, components, type Part, wholeShares } from './split-assign.ts';

const PARTS: Part[] = [
  { name: 'train', share: 0.8 },
  { name: 'val', share: 0.1 },
  { name: 'test', share: 0.1 },
];

describe('components', () => {
  it('join rows that share a key, also through others', () => {
    const keys = [['a'], ['b'], ['a', 'c'], [], ['c'], ['b'], []];
    expect([...components(keys)]).toEqual([0, 1, 0, 3, 0, 1, 6]);
  });

  it('are those of a flood fill', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.nat(12), { maxLength: 3 }), { maxLength: 30 }), (numbers) => {
        const keys = numbers.map((list) => list.map(String));
        const seen = keys.map(() => -1);
        const flood = (row: number, c: number): void => {
          if (seen[row] !== -1) return;
          seen[row] = c;
          for (const [other, list] of keys.entries()) if (list.some((key) => keys[row]!.includes(key))) flood(other, c);
        };
        for (const row of keys.keys()) flood(row, row);
        expect([...components(keys)]).toEqual(seen);
      }),
    );
  });
});

describe('assignment', () => {
  it('gives exact sizes, and strata within a row for each part, where no rows share an image', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3), { minLength: 20, maxLength: 200 }), fc.nat(1000), (given, seed) => {
        const names = [...new Set(given)];
        const strata = Int32Array.from(given, (s) => names.indexOf(s));
        const rows = Int32Array.from(given, (_, row) => row);
        const parts = assignParts(rows, strata, PARTS, seed);
        const sizes = PARTS.map((_, p) => parts.filter((part) => part === p).length);
        expect(sizes).toEqual(wholeShares(PARTS, given.length));
        for (const s of names.keys()) {
          const size = strata.filter((one) => one === s).length;
          for (const [p, { share }] of PARTS.entries()) {
            const got = parts.filter((part, row) => part === p && strata[row] === s).length;
            expect(Math.abs(got - share * size)).toBeLessThan(PARTS.length);
          }
        }
        expect(assignParts(rows, strata, PARTS, seed)).toEqual(parts);
      }),
    );
  });

  it('never divides a component, and loses no row', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(8), { minLength: 1, maxLength: 60 }), fc.nat(1000), (given, seed) => {
        const component = Int32Array.from(given, (c) => given.indexOf(c));
        const parts = assignParts(component, new Int32Array(given.length), PARTS, seed);
        for (const [row, c] of component.entries()) expect(parts[row]).toBe(parts[c]);
      }),
    );
  });

  it('another seed gives other rows', () => {
    const rows = Int32Array.from({ length: 100 }, (_, row) => row);
    const one = assignParts(rows, new Int32Array(100), PARTS, 1);
    expect(assignParts(rows, new Int32Array(100), PARTS, 2)).not.toEqual(one);
  });

  it('shares become whole rows by the largest remainder', () => {
    expect(wholeShares(PARTS, 10)).toEqual([8, 1, 1]);
    expect(wholeShares(PARTS, 15)).toEqual([12, 2, 1]);
    expect(
      wholeShares(
        [
          { name: 'a', share: 0.7 },
          { name: 'b', share: 0.3 },
        ],
        10,
      ),
    ).toEqual([7, 3]);
  });
});

describe('files', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'winnow-split-'));
    mkdirSync(join(folder, 'images'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** 40 rows; rows 2i and 2i+1 show the same picture: the same file, or (from 20 on) a copy under another name. */
  const write = (): string => {
    const rows = Array.from({ length: 40 }, (_, i) => {
      const picture = Math.floor(i / 2);
      const path = i >= 20 && i % 2 === 1 ? `images/copy-${picture}.png` : `images/${picture}.png`;
      writeFileSync(join(folder, path), `picture ${picture}`);
      return {
        id: `r${i}`,
        image: path,
        source: i % 4 < 2 ? 'x' : 'y',
        conversations: [
          { from: 'human', value: '<image>\nWhat?' },
          { from: 'gpt', value: String(i) },
        ],
      };
    });
    writeFileSync(join(folder, 'd.json'), JSON.stringify(rows));
    return join(folder, 'd.json');
  };

  it('share no image, whether by name or by content', async () => {
    const input = write();
    const out = join(folder, 'out');
    const result = await splitDataset({ input, out, parts: { train: 0.8, test: 0.2 } });
    expect(result).toMatchObject({ rows: 40, groups: 20, largest: 2, stratify: 'source' });
    const pictures = result.parts.map(({ out: file }) => {
      const rows = JSON.parse(readFileSync(file, 'utf8')) as { image: string }[];
      return new Set(rows.map(({ image }) => readFileSync(join(out, image), 'utf8')));
    });
    expect(result.parts.map(({ rows }) => rows)).toEqual([32, 8]);
    expect([...pictures[0]!].filter((picture) => pictures[1]!.has(picture))).toEqual([]);
    expect(result.parts[1]!.strata).toEqual({ x: 4, y: 4 });
  });

  it('leave nothing behind when one part is refused, and replace nothing unasked', async () => {
    const input = write();
    const out = join(folder, 'out');
    mkdirSync(out);
    writeFileSync(join(out, 'test.json'), 'mine');
    const parts = { train: 0.5, test: 0.5 };
    await expect(splitDataset({ input, out, parts })).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' });
    expect(await readdir(out)).toEqual(['test.json']);
    expect(readFileSync(join(out, 'test.json'), 'utf8')).toBe('mine');
    await splitDataset({ input, out, parts, force: true });
    expect((await readdir(out)).sort()).toEqual(['images', 'test.json', 'train.json']);
    const before = readFileSync(join(out, 'test.json'), 'utf8');
    await expect(splitDataset({ input, out, parts })).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' });
    // What a kill between the parts leaves is finished, and the part that is there is the same.
    for (const [gone, stays] of [
      ['test.json', 'train.json'],
      ['train.json', 'test.json'],
    ] as const) {
      rmSync(join(out, gone));
      await splitDataset({ input, out, parts });
      expect((await readdir(out)).sort()).toEqual(['images', 'test.json', 'train.json']);
      rmSync(join(out, gone));
      const mine = readFileSync(join(out, stays), 'utf8');
      writeFileSync(join(out, stays), `${mine} `);
      await expect(splitDataset({ input, out, parts })).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' });
      writeFileSync(join(out, stays), mine);
      await splitDataset({ input, out, parts });
    }
    await splitDataset({ input, out, parts, force: true });
    expect(readFileSync(join(out, 'test.json'), 'utf8')).toBe(before);
  });

  it.each([
    [{ train: 0.9 }, 'two parts'],
    [{ train: 0.9, test: 0.2 }, 'sum to 1.1'],
    [{ train: 1, test: 0 }, 'above 0'],
    [{ '../x': 0.5, test: 0.5 }, 'name of a file'],
  ])('%j is no split', async (parts, message) => {
    await expect(splitDataset({ input: write(), out: folder, parts: parts as Record<string, number> })).rejects.toThrow(
      message,
    );
  });

  it('names a column that no row has', async () => {
    const request = { input: write(), out: join(folder, 'out'), parts: { a: 0.5, b: 0.5 }, stratify: 'nothing' };
    await expect(splitDataset(request)).rejects.toMatchObject({ code: 'COLUMN_UNKNOWN' });
  });
});
