import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openDataset } from '../open/open.ts';

/**
 * Eight rows in two groups, a plain column and one with a dictionary, not compressed; written by pyarrow with
 * checksums.
 */
const GOOD = readFileSync(join(import.meta.dirname, '../../../test/goldens/parquet/checksums.parquet'));
const folder = mkdtempSync(join(tmpdir(), 'winnow-checksums-'));

async function read(name: string, bytes: Buffer): Promise<unknown> {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  const dataset = await openDataset(path);
  try {
    return (await dataset.get([5]))[0]?.messages;
  } finally {
    await dataset.close();
  }
}

/** The file with one letter of a text made another: it decodes as well as before. */
function misspelt(text: string): Buffer {
  const bytes = Buffer.from(GOOD);
  bytes[bytes.indexOf(text)]! ^= 1;
  return bytes;
}

it('reads a file whose pages fit their checksums', async () => {
  expect(await read('good.parquet', GOOD)).toMatchObject([
    { parts: [{ text: 'What stands in place 5?' }] },
    { parts: [{ text: 'A bench of 5 boards.' }] },
  ]);
});

it.each([
  ['a plain page', 'What stands in place 5'],
  ['a dictionary', 'A bench of 5'],
])('notices a changed letter in %s', async (_where, text) => {
  const told = await read('bad.parquet', misspelt(text)).catch((error: unknown) => error);
  expect(told).toMatchObject({ code: 'PARQUET_DAMAGED', where: { file: join(folder, 'bad.parquet') } });
  const { offset } = (told as { where: { offset: number } }).where;
  expect(offset).toBeGreaterThan(0);
  expect(offset).toBeLessThan(GOOD.indexOf(text));
});
