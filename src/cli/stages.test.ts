import { describe, expect, it } from 'vitest';
import { splitStages } from './stages.ts';

const split = (line: string) => {
  const { argv, before } = splitStages(line.split(' '));
  return [argv.join(' '), ...before.map((words) => words.join(' '))];
};

describe('a command line in stages', () => {
  it.each([
    ['select visnec --budget 15%', ['select visnec --budget 15%']],
    [
      '-C dir --json select semdedup --eps 0.1 then visnec --budget 15% --name x',
      ['-C dir --json select visnec --budget 15% --name x', 'semdedup --eps 0.1'],
    ],
    ['select a then b --k 2 then c', ['select c', 'a', 'b --k 2']],
    ['select a then', ['select a then']],
    ['select top --name then --budget 5', ['select top --name then --budget 5']],
    ['select then a', ['select then a']],
    ['explain then a', ['explain then a']],
  ])('%s', (line, stages) => {
    expect(split(line)).toEqual(stages);
  });
});
