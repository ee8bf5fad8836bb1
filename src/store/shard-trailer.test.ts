import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Duck, openDuck } from '../base/duckdb.ts';
import { readMeta, writeParquet } from './shard-file.ts';
import { fileState, readTrailer, sealFile } from './shard-trailer.ts';

const folder = mkdtempSync(join(tmpdir(), 'winnow-trailer-'));
const path = join(folder, 'a.parquet');
const trailer = { identity: new Uint8Array(16).fill(7), fingerprints: Uint8Array.from({ length: 48 }, (_, i) => i) };
let duck: Duck;
beforeAll(async () => {
  duck = await openDuck({ folder, temporary: join(folder, 'tmp') });
  const columns = { a: { kind: 'f32' as const, width: 1, data: Float32Array.of(1, 2, Number.NaN) } };
  await duck.alone((connection) =>
    writeParquet(
      connection,
      path,
      { start: 0, rows: 3, columns },
      ['x', 'y', 'z'],
      { key: 'k', columns: [{ name: 'a', kind: 'f32', width: 1 }], quarantined: [] },
      trailer,
    ),
  );
});
afterAll(() => {
  duck.close();
  rmSync(folder, { recursive: true });
});

it('says what it was given, and hides nothing from readers of Parquet', async () => {
  const { identity, fingerprints } = readTrailer(path)!;
  expect([...identity]).toEqual([...trailer.identity]);
  expect([...fingerprints]).toEqual([...trailer.fingerprints]);
  const rows = await duck.alone(async (connection) =>
    (await connection.runAndReadAll(`SELECT * FROM read_parquet('${path}')`)).getRows(),
  );
  expect(rows).toEqual([
    [0, 'x', 1],
    [1, 'y', 2],
    [2, 'z', null],
  ]);
});

it('finds every flipped bit, wherever it is', () => {
  const bytes = readFileSync(path);
  const damaged = join(folder, 'b.parquet');
  const passed = [];
  for (let bit = 0; bit < bytes.length * 8; bit += bit > (bytes.length - 200) * 8 ? 1 : 3) {
    const copy = Buffer.from(bytes);
    copy[bit >> 3]! ^= 1 << (bit & 7);
    rmSync(damaged, { force: true });
    writeFileSync(damaged, copy);
    if (fileState(damaged) !== 'damaged') passed.push(bit);
  }
  expect(passed).toEqual([]);
  writeFileSync(damaged, bytes.subarray(0, -9));
  expect(fileState(damaged)).toBe('damaged');
});

it('is given to a file of an earlier Winnow, whose bytes stay', async () => {
  const bytes = readFileSync(path);
  const length = bytes.readUInt32LE(bytes.length - 8);
  const at = bytes.indexOf('WINNOWT1');
  const footer = bytes.subarray(bytes.length - 8 - length);
  const old = join(folder, 'old.parquet');
  writeFileSync(old, Buffer.concat([bytes.subarray(0, at), footer]));
  expect(fileState(old)).toBe('unchecked');
  await sealFile(old, trailer);
  expect(fileState(old)).toBe('sound');
  expect(readFileSync(old).equals(bytes)).toBe(true);
  expect((await duck.alone((connection) => readMeta(connection, old))).key).toBe('k');
});

it('is looked at again where the file has changed', () => {
  const copy = join(folder, 'c.parquet');
  copyFileSync(path, copy);
  expect(fileState(copy)).toBe('sound');
  const bytes = readFileSync(copy);
  bytes[20]! ^= 4;
  writeFileSync(copy, bytes);
  expect(fileState(copy)).toBe('damaged');
});
