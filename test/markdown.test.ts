import { expect, it } from 'vitest';
import { anchorsOf, fencesOf, linksOf, setupOf } from './markdown.ts';

const TICKS = '```';

it('finds fences with their language, exemption and file', () => {
  const text = [
    'text',
    `${TICKS}sh`,
    'winnow status',
    TICKS,
    `${TICKS}sh no-run: installs`,
    'npm i',
    TICKS,
    `  ${TICKS}yaml file=winnow.yaml`,
    '  a:',
    '    b: 1',
    `  ${TICKS}`,
    `${TICKS}${'`'}md`,
    `${TICKS}sh`,
    TICKS,
    `${TICKS}${'`'}`,
    `${TICKS}sh no-run`,
    TICKS,
  ].join('\n');
  expect(fencesOf(text)).toEqual([
    { line: 2, language: 'sh', code: 'winnow status' },
    { line: 5, language: 'sh', noRun: 'installs', code: 'npm i' },
    { line: 8, language: 'yaml', file: 'winnow.yaml', code: 'a:\n  b: 1' },
    { line: 12, language: 'md', code: `${TICKS}sh\n${TICKS}` },
    { line: 16, language: 'sh', noRun: '', code: '' },
  ]);
  expect(() => fencesOf(`a\n${TICKS}sh\nb`)).toThrow('line 2');
});

it('finds relative links outside of code', () => {
  const text = `[a](b.md) ![c](d/e.png "title") [w](https://x.y) \`[n](o.md)\`\n${TICKS}\n[p](q.md)\n${TICKS}\n[r]: s.md\n<img src="t.png">`;
  expect(linksOf(text)).toEqual([
    { line: 1, target: 'b.md' },
    { line: 1, target: 'd/e.png' },
    { line: 5, target: 's.md' },
    { line: 6, target: 't.png' },
  ]);
});

it('makes anchors as GitHub does', () => {
  const text = `# One two\n## \`score\` (losses), 15 %\n## One two\n${TICKS}sh\n# comment\n${TICKS}\n`;
  expect([...anchorsOf(text)]).toEqual(['one-two', 'score-losses-15-', 'one-two-1']);
});

it('finds hidden set-up commands', () => {
  expect(setupOf('<!-- setup: cp a b -->\n<!-- other -->')).toEqual(['cp a b']);
});
