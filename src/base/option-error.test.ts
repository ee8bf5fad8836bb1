import { expect, it } from 'vitest';
import { z } from 'zod';
import { optionError } from './option-error.ts';

const Options = z
  .strictObject({
    learningRate: z.coerce.number().gt(0).default(1),
    count: z.coerce.number().int().min(1).max(9).default(1),
    keep: z.enum(['easy', 'hard']),
    names: z.array(z.string().min(1)).min(2).default(['a', 'b']),
    kinds: z
      .array(z.enum(['a', 'b']))
      .min(1, 'names at least one kind')
      .default(['a']),
  })
  .refine(({ learningRate, count }) => learningRate < count, { path: ['count'], message: 'is above --learning-rate' });

it.each<[Record<string, unknown>, string]>([
  [{ keep: 'easy', learningRate: 'abc' }, '--learning-rate takes a number, got "abc"'],
  [{ keep: 'easy', learningRate: '0' }, '--learning-rate is above 0, got "0"'],
  [{ keep: 'easy', count: '2.5' }, '--count takes a whole number, got "2.5"'],
  [{ keep: 'easy', count: 0 }, '--count is at least 1, got 0'],
  [{ keep: 'easy', count: 12 }, '--count is at most 9, got 12'],
  [{ keep: 'medium' }, '--keep takes easy, hard, got "medium"'],
  [{}, '--keep is needed: it takes easy, hard'],
  [{ keep: 'easy', kinds: ['a', 'c'] }, '--kinds takes a, b, got ["a","c"]'],
  [{ keep: 'easy', kinds: [] }, '--kinds names at least one kind, got []'],
  [{ keep: 'easy', names: [] }, '--names takes 2 or more, got []'],
  [{ keep: 'easy', names: ['', 'b'] }, '--names takes a text that is not empty, got ["","b"]'],
  [{ keep: 'easy', kinds: 'a' }, '--kinds takes a list, got "a"'],
  [{ keep: 'easy', learninRate: 1 }, 'there is no option --learnin-rate'],
  [{ keep: 'easy', learningRate: 3, count: 2 }, '--count is above --learning-rate, got 2'],
])('says what is wrong with %o', (given, message) => {
  const { error } = Options.safeParse(given);
  expect(optionError('method', error!, given, 'winnow select method --help')).toMatchObject({
    code: 'OPTION_INVALID',
    message: `method: ${message}`,
    hint: 'See: winnow select method --help',
    exitCode: 2,
  });
});
