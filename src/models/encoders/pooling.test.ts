import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { float32 } from '../session.ts';
import { readSentenceHead } from './pooling.ts';
import { lengthLimit } from './sentence.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'winnow-pooling-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (path: string, value: unknown): void => {
  mkdirSync(join(folder, path, '..'), { recursive: true });
  writeFileSync(join(folder, path), JSON.stringify(value));
};
const modules = (...kinds: string[]): void =>
  write(
    'modules.json',
    kinds.map((kind, idx) => ({
      idx,
      path: idx === 0 ? '' : `${idx}_${kind}`,
      type: `sentence_transformers.models.${kind}`,
    })),
  );
const head = () => readSentenceHead({ name: 'a model', folder, revision: '0' });

/** Two texts of three positions and two numbers each; of the second the last position is padding. */
const STATES = float32(Float32Array.of(1, -2, 3, 4, 5, 0, 7, 8, -3, 2, 99, 99), [2, 3, 2]);

describe('pooling', () => {
  // Worked out by hand: the first text whole, of the second two positions.
  it.each([
    ['cls_token', [1, -2], [7, 8]],
    ['max_tokens', [5, 4], [7, 8]],
    ['mean_tokens', [3, 2 / 3], [2, 5]],
    ['mean_sqrt_len_tokens', [9 / Math.sqrt(3), 2 / Math.sqrt(3)], [4 / Math.sqrt(2), 10 / Math.sqrt(2)]],
    ['weightedmean_tokens', [22 / 6, 1], [1 / 3, 4]],
    ['lasttoken', [5, 0], [-3, 2]],
  ])('%s', async (mode, first, second) => {
    modules('Transformer', 'Pooling', 'Normalize');
    write('1_Pooling/config.json', { [`pooling_mode_${mode}`]: true, pooling_mode_other: false });
    const { pool, parts } = await head();
    expect(parts).toBe(1);
    [first, second].forEach((wanted, i) => {
      [...pool(STATES, i, 3 - i)].forEach((value, c) => void expect(value).toBeCloseTo(wanted[c]!, 12));
    });
  });

  it('of several modes stands side by side, and is the mean where nothing is said', async () => {
    expect([...(await head()).pool(STATES, 1, 2)]).toEqual([2, 5]);
    write('1_Pooling/config.json', { pooling_mode: ['mean', 'cls'] });
    const both = await head();
    expect([...both.pool(STATES, 1, 2)]).toEqual([7, 8, 2, 5]);
    expect(both.parts).toBe(2);
  });

  it.each([
    [['Transformer', 'Pooling', 'Dense'], {}, 'Dense'],
    [['Transformer', 'WordWeights', 'Pooling'], {}, 'WordWeights'],
    [['Transformer', 'Pooling'], { pooling_mode: 'attention' }, 'attention'],
  ])('of %j, %j is refused', async (kinds, config, named) => {
    modules(...kinds);
    write('1_Pooling/config.json', config);
    await expect(head()).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      message: expect.stringContaining(named),
      hint: expect.stringContaining('--by worker'),
    });
  });
});

describe('longest text', () => {
  it.each([
    ['roberta', { max_position_embeddings: 34, pad_token_id: 1 }, 512, undefined, 32],
    ['xlm-roberta', { max_position_embeddings: 514, pad_token_id: 1 }, undefined, undefined, 512],
    ['mpnet', { max_position_embeddings: 514, pad_token_id: 1 }, 512, 384, 384],
    ['bert', { max_position_embeddings: 34, pad_token_id: 0 }, 512, undefined, 34],
    ['roberta', { max_position_embeddings: 34, pad_token_id: 1 }, 20, undefined, 20],
    ['t5', {}, undefined, undefined, 512],
  ])('of %s with %j, a tokenizer of %s and max_seq_length %s is %s', (type, config, maxLength, own, wanted) => {
    expect(lengthLimit({ max_seq_length: own }, { maxLength }, { model_type: type, ...config })).toBe(wanted);
  });
});
