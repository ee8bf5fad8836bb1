import path from 'node:path';
import { expect, it } from 'vitest';
import { errorTexts } from './error-style.ts';

const { texts, unhinted } = errorTexts(path.resolve(import.meta.dirname, '../src'));

/** A capital, or what was got: a quoted value, a number, an option, an expression. */
const BEGINS = /^(\p{Lu}|["'`\d(-]|\$\{|winnow )/u;
/** A full stop, or something that says itself where it ends. */
const ENDS = /([.?!:]|\})$/;
/** Words of a private dialect. */
const DIALECT = /\b(twins?|mend(ed|s)?|told|yardstick|gauge|shelf|litter|can't be had|to be had)\b/i;

const shown = (wrong: typeof texts): string[] =>
  wrong.map(({ file, line, part, text }) => `${file}:${line} ${part}: ${text}`);

it('finds the errors', () => {
  expect(texts.length).toBeGreaterThan(400);
});

it('says what happened in a sentence', () => {
  const messages = texts.filter(({ part }) => part === 'message');
  expect(shown(messages.filter(({ text }) => !BEGINS.test(text)))).toEqual([]);
  expect(shown(messages.filter(({ text }) => !ENDS.test(text)))).toEqual([]);
});

it('says what to do', () => {
  expect(unhinted).toEqual([]);
  const hints = texts.filter(({ part }) => part === 'hint');
  expect(shown(hints.filter(({ text }) => !BEGINS.test(text)))).toEqual([]);
});

it('uses plain words', () => {
  expect(shown(texts.filter(({ text }) => DIALECT.test(text)))).toEqual([]);
});
