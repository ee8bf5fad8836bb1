import { expect, it } from 'vitest';
import { oneLine, ownEscape, safeJson, styled, terminalText } from './terminal-text.ts';

const HOSTILE = [
  '\u001b[2J\u001b[H',
  '\u001b]0;title\u0007',
  '\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\',
  '\u009b31m',
  'a\rb\bc\u007f',
  '\u202etxt.exe\u202c',
  '\u2066x\u2069\u200e\u200f\u061c',
  'pay\u200bpal\ufeff\u2060',
  '\u2028\u2029',
  '\u{e0041}',
];
const DANGER =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must be gone
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0041}]/u;

it.each(HOSTILE)('spells out %j', (text) => {
  expect(terminalText(`a${text}b`)).not.toMatch(DANGER);
  expect(JSON.parse(`"${terminalText(text).replace(/\\(?!u)/g, '\\\\')}"`)).toBe(text);
  const json = safeJson(JSON.stringify({ [text]: text }, null, 2));
  expect(json).not.toMatch(DANGER);
  expect(JSON.parse(json)).toEqual({ [text]: text });
});

it('keeps text of all scripts, emoji, lines and tabs', () => {
  const text = 'naïve\t漢字\nשלום مرحبا 👩‍👩‍👧 नमस्ते';
  expect(terminalText(text)).toBe(text);
  expect(oneLine('a\nb')).toBe('a\\u000ab');
});

it('lets our own sequences through, and none that stand in the data', () => {
  expect(terminalText(styled('31', 'red'))).toBe('\u001b[31mred\u001b[0m');
  expect(terminalText(styled('1', '\u001b[8mhidden'))).toBe('\u001b[1m\\u001b[8mhidden\u001b[0m');
  expect(terminalText(ownEscape('\u001b_Gx\u001b\\'))).toBe('\u001b_Gx\u001b\\');
});
