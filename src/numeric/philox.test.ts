import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createRandom, hashStreamName, philox4x32 } from './philox.ts';

const vectors = JSON.parse(readFileSync(new URL('../../test/goldens/philox/vectors.json', import.meta.url), 'utf8'));

describe('philox', () => {
  it('gives the known answers of Random123', () => {
    for (const { counter, key, words } of vectors.known_answers) expect([...philox4x32(counter, key)]).toEqual(words);
  });

  it('gives the same streams as the Python twin', () => {
    for (const want of vectors.streams) {
      expect(hashStreamName(want.stream)).toBe(want.key);
      const random = createRandom(want.seed, want.stream);
      expect(want.words.map(() => random.word())).toEqual(want.words);
      expect(want.uniform.map(() => random.uniform())).toEqual(want.uniform);
      expect(want.below10.map(() => random.below(10))).toEqual(want.below10);
      for (const value of want.normal) expect(random.normal()).toBeCloseTo(value, 12);
      expect(random.shuffle(Array.from({ length: 10 }, (_, i) => i))).toEqual(want.shuffle10);
      expect([...random.sample(20, 5)]).toEqual(want.sample20of5);
    }
  });

  it('draws evenly, normally and without repeats', () => {
    const random = createRandom(1, 'even');
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < 7000; i++) counts[random.below(7)]!++;
    const chiSquare = counts.reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0);
    expect(chiSquare).toBeLessThan(22.5); // 6 degrees of freedom, p = 0.001

    const normals = Array.from({ length: 10_000 }, () => random.normal());
    const mean = normals.reduce((a, b) => a + b, 0) / normals.length;
    expect(Math.abs(mean)).toBeLessThan(0.04);
    expect(normals.reduce((a, b) => a + (b - mean) ** 2, 0) / normals.length).toBeCloseTo(1, 1);
    expect(new Set(random.sample(50, 50)).size).toBe(50);
  });

  it('gives independent streams under different names', () => {
    expect(createRandom(1, 'a').word()).not.toBe(createRandom(1, 'b').word());
  });

  it('refuses a seed that is no unsigned 32-bit integer', () => {
    for (const seed of [-1, 1.5, 2 ** 32, Number.NaN]) expect(() => createRandom(seed, 'x')).toThrow(/0 to 4294967295/);
  });
});
