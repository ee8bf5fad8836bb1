import { expect, it } from 'vitest';
import { mapTexts, redactor } from './redact.ts';

const KEY = 'sk-live-9f8E7d6c+/5B4a3210';

it.each([
  ['as it is', KEY],
  ['in other case', KEY.toUpperCase()],
  ['URL-encoded', encodeURIComponent(KEY)],
  ['in base64', Buffer.from(KEY).toString('base64')],
  ['in base64 behind Bearer', Buffer.from(`Bearer ${KEY}`).toString('base64')],
  ['in base64 behind one letter', Buffer.from(`:${KEY}`).toString('base64')],
  ['in base64url', Buffer.from(KEY).toString('base64url')],
  ['in hex', Buffer.from(KEY).toString('hex')],
  ['cut off', `${KEY.slice(0, 12)}...`],
  ['its end', KEY.slice(-10)],
])('takes out a key %s', (_, shown) => {
  const text = redactor(KEY)(`{"detail": "bad key ${shown} sent"}`);
  expect(text).toContain('bad key ');
  expect(text).toContain(' sent"}');
  const pieces = Array.from({ length: KEY.length - 7 }, (_, i) => KEY.slice(i, i + 8).toLowerCase());
  for (const piece of [...pieces, shown.slice(4, 14)]) expect(text.toLowerCase()).not.toContain(piece.toLowerCase());
});

it('leaves other text, and takes out a short key whole', () => {
  const text = 'The model is sk-small, İstanbul';
  expect(redactor(KEY)(text)).toBe(text);
  expect(redactor('abc')('key abc!')).toBe('key ***!');
  expect(redactor('')(text)).toBe(text);
  expect(mapTexts({ a: [KEY, 1, null] }, redactor(KEY))).toEqual({ a: ['***', 1, null] });
});
