import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { referenceFixtures, workerPython } from '../testing/fixtures.ts';
import { loadTokenizer } from './tokenizer.ts';

const python = workerPython();

describe.skipIf(python === undefined)('tokenizers with real vocabularies', () => {
  let folder: string;
  let expected: { texts: string[]; ids: Record<string, number[][]> };

  beforeAll(async () => {
    folder = await referenceFixtures(python!, 'vocabularies.py');
    expected = JSON.parse(await readFile(join(folder, 'expected.json'), 'utf8')) as typeof expected;
  }, 600_000);

  it.each(['bert', 'clip', 'llama', 'qwen'])('%s: ids are those of transformers, for every text', async (name) => {
    const { encode, lead, tail } = await loadTokenizer(join(folder, name));
    for (const [i, text] of expected.texts.entries()) {
      expect([...lead, ...encode(text), ...tail], JSON.stringify(text)).toEqual(expected.ids[name]![i]);
    }
  });
});
