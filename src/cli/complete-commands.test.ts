import { expect, it } from 'vitest';
import { completeCommands, placeOf } from './complete-commands.ts';

it.each([
  ['Next: winnow score loss', 'Next: winnow -C "my dir" score loss --dataset two'],
  ['Make one first: "winnow select visnec".', 'Make one first: "winnow -C "my dir" select visnec --dataset two".'],
  ['Run: winnow score loss --dataset one', 'Run: winnow -C "my dir" score loss --dataset one'],
  [
    'winnow explain ID tells why; winnow export visnec-15%-s42 writes it.',
    'winnow -C "my dir" explain ID tells why; winnow -C "my dir" export visnec-15%-s42 writes it.',
  ],
  ['winnow train --recipe proxy && winnow score attention --checkpoints proxy', undefined],
  ['winnow select semdedup then visnec --dataset one', 'winnow -C "my dir" select semdedup then visnec --dataset one'],
  ['winnow sql "SELECT 1"', 'winnow -C "my dir" sql --dataset two "SELECT 1"'],
  ['winnow convert a b', 'winnow convert a b'],
  ['winnow score loss --help', 'winnow -C "my dir" score loss --help'],
])('completes %j', (text, expected) => {
  const wanted =
    expected ??
    'winnow -C "my dir" train --dataset two --recipe proxy && winnow -C "my dir" score attention --dataset two --checkpoints proxy';
  expect(completeCommands(text, { project: 'my dir', dataset: 'two' })).toBe(wanted.replaceAll('"my dir"', "'my dir'"));
  expect(completeCommands(text, {})).toBe(text);
});

it('reads the place from a line', () => {
  expect(placeOf(['-C', 'p', 'score', 'loss', '--dataset=x'])).toEqual({ project: 'p', dataset: 'x' });
  expect(placeOf(['sql', '--', '-d'])).toEqual({ project: undefined, dataset: undefined });
});
