import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FAMILIES } from '../../families/families.ts';
import { referenceFixtures, workerPython } from '../../models/testing/fixtures.ts';
import { countTokens } from './rules.ts';

interface Expected {
  sizes: [number, number][];
  picture: [number, number];
  checkpoints: Record<string, { counted: (number | null)[]; written: number | null }>;
}

const python = workerPython();

describe.skipIf(python === undefined)('image tokens against the processors of transformers', () => {
  it('are as many for every checkpoint and size', { timeout: 600_000 }, async () => {
    const known = FAMILIES.filter(({ components }) => components !== undefined);
    const records = known.map(({ name }) => `../src/families/${name}.json`);
    const folder = await referenceFixtures(python!, 'image_tokens.py', ['tests/tiny.py', ...records]);
    const expected = JSON.parse(await readFile(join(folder, 'expected.json'), 'utf8')) as Expected;
    for (const { name, imageTokens: rule } of known.flatMap(({ checkpoints }) => checkpoints)) {
      const features = ([width, height]: [number, number]) => countTokens(rule, { width, height }).features;
      const { counted, written } = expected.checkpoints[name]!;
      const pairs = expected.sizes.map((size, i) => [size, counted[i], features(size)] as const);
      const differ = pairs.filter(([, theirs, ours]) => typeof theirs === 'number' && theirs !== ours);
      expect([name, differ]).toEqual([name, []]);
      if (written !== null) expect([name, features(expected.picture)]).toEqual([name, written]);
    }
  });
});
