import { describe, expect, it } from 'vitest';
import { terminalText } from '../base/terminal-text.ts';
import { table } from './table.ts';
import { fileLink, graphicsOf, picture } from './terminal-image.ts';

describe('pictures', () => {
  it.each([
    [{ TERM: 'xterm-kitty' }, 'kitty'],
    [{ TERM: 'xterm-256color', KITTY_WINDOW_ID: '1' }, 'kitty'],
    [{ TERM_PROGRAM: 'ghostty' }, 'kitty'],
    [{ TERM_PROGRAM: 'iTerm.app' }, 'iterm2'],
    [{ TERM_PROGRAM: 'WezTerm' }, 'iterm2'],
    [{ TERM: 'xterm-kitty', TMUX: '/tmp/tmux' }, 'none'],
    [{ TERM: 'dumb', TERM_PROGRAM: 'iTerm.app' }, 'none'],
    [{ TERM: 'xterm-256color' }, 'none'],
  ])('%j shows them by %s', (env, graphics) => {
    expect(graphicsOf(env, true)).toBe(graphics);
    expect(graphicsOf(env, false)).toBe('none');
  });

  it('go to kitty in chunks of 4096 that join to the file', () => {
    const png = Buffer.alloc(10_000, 7);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequences themselves
    const chunks = [...terminalText(picture(png, 'kitty')).matchAll(/\u001b_G([^;]*);([^\u001b]*)\u001b\\/g)];
    expect(chunks.map(([, keys]) => keys)).toEqual(['a=T,f=100,m=1', 'm=1', 'm=1', 'm=0']);
    expect(chunks.every(([, , data]) => data!.length <= 4096)).toBe(true);
    expect(Buffer.from(chunks.map(([, , data]) => data).join(''), 'base64')).toEqual(png);
  });

  it('are links elsewhere, and plain paths in files', () => {
    expect(terminalText(fileLink('/a b.png', true))).toBe(
      '\u001b]8;;file:///a%20b.png\u001b\\/a b.png\u001b]8;;\u001b\\',
    );
    expect(fileLink('/a b.png', false)).toBe('/a b.png');
  });
});

it('a table aligns numbers to the right, breaks what is wide and passes no control characters', () => {
  const text = table(
    {
      columns: ['id', 'n'],
      rows: [
        ['a\u001b[31m\n', 5],
        ['x'.repeat(200), null],
        ['b', 12],
      ],
    },
    80,
  );
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  const lines = text.split('\n');
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(lines.at(-1)).toMatch(/^b +12$/);
  expect(lines.slice(3, -1).join('').replaceAll(' ', '')).toMatch(/^x+$/);
});
