import { escaped, withoutMisplaced, withWordsEscaped } from '../fixes/fix-tags.ts';
import { changed } from '../fixes/fix-turns.ts';
import { loop, refusal } from './answers.ts';
import type { CheckGroup } from './check.ts';
import { firstMojibake, withoutMojibake } from './mojibake.ts';
import { type Issue, type RowCheck, rowGroup } from './row-check.ts';
import { specialTokens } from './special-tokens.ts';
import { canEscapeWords, misplaced, wordsLikeTags } from './tags.ts';
import { changeTexts, quote, textSummary, textsOf } from './texts.ts';
import { emptyAnswers } from './turns.ts';

/** Answers beyond this many characters (about 2,000 tokens) are worth a look. */
const LONG_ANSWER = 8000;

const literal: RowCheck = {
  code: 'D201',
  severity: 'error',
  title: 'a special token stands in the text',
  why: 'The tokenizer makes one token of it: an image too many, or a turn that ends early.',
  advice: 'Escape it, or write it in other words.',
  fix: 'put a zero-width space into it',
  check({ sample }, context): Issue {
    if (sample === null) return undefined;
    const found = new Set<string>();
    const pattern = specialTokens(context.target, sample, context.dataset.format === 'swift');
    for (const { text } of textsOf(sample)) for (const token of text.match(pattern) ?? []) found.add(token);
    const issues = [...found].map((token) => `${quote(token)} in the text`);
    const words = wordsLikeTags(sample);
    if (words.length > 0) issues.push(`a placeholder within a sentence of turn ${words[0]![0]}`);
    if (issues.length === 0) return undefined;
    return { detail: issues.join('; '), fixable: found.size > 0 || canEscapeWords(sample) };
  },
  applyFix(given, { target, dataset }) {
    const words = withWordsEscaped(given);
    const sample = words ?? given;
    const pattern = specialTokens(target, sample, dataset.format === 'swift');
    const texts = changeTexts(sample, (text) => text.replace(pattern, escaped));
    if (texts !== null) return texts;
    return words === null ? null : changed(given, words);
  },
};

const placed: RowCheck = {
  code: 'D202',
  severity: 'error',
  title: 'a placeholder in an answer or a system turn',
  why: 'The model learns to write image tokens, or the image is lost: most templates place media in user turns only.',
  advice: 'Move it to the user turn, or take it out.',
  fix: 'take out what is too many, move the rest to the first user turn',
  check({ sample }): Issue {
    if (sample === null) return undefined;
    const places = misplaced(sample);
    if (places.length === 0) return undefined;
    const turns = [...new Set(places.map(([turn]) => turn))];
    return {
      detail: turns.map((turn) => `a placeholder in turn ${turn}, the ${sample.messages[turn]!.role}'s`).join('; '),
      fixable: withoutMisplaced(sample) !== null,
    };
  },
  applyFix(sample) {
    const fixed = withoutMisplaced(sample);
    if (fixed === null) return null;
    if (emptyAnswers(fixed).length > emptyAnswers(sample).length) return { drop: true, was: textSummary(sample) };
    return changed(sample, fixed);
  },
};

const maskWords: RowCheck = {
  code: 'D203',
  severity: 'warn',
  title: 'a word by which the training script finds the answers',
  why: "The script takes it for the head of an answer, and trains on the user's words or masks the whole row.",
  advice: 'Write it in another way, or train with a template-based trainer.',
  needs: 'target',
  appliesTo: (target) => target.maskWords !== undefined,
  check({ sample }, { target }) {
    const words = target?.maskWords;
    if (sample === null || words === undefined) return undefined;
    for (const { role, text } of textsOf(sample)) {
      for (const word of role === 'user' ? [...words.inUser, ...words.inAny] : words.inAny) {
        const match = word.exec(text);
        if (match !== null) return `${quote(match[0])} in a ${role} turn`;
      }
    }
    return undefined;
  },
};

const PLAIN = /^[\t\n\x20-\x7e]*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;

/** With the `u` flag a whole pair is one character and no surrogate. */
const LONE_SURROGATE = /\p{Cs}/u;

/** What is wrong with the characters of one text, or undefined. */
function badCharacters(text: string): string | undefined {
  if (PLAIN.test(text)) return undefined;
  const mojibake = firstMojibake(text);
  if (mojibake !== undefined) return `mojibake: ${quote(mojibake)} for ${quote(withoutMojibake(mojibake))}`;
  const control = CONTROL.exec(text)?.[0];
  if (control !== undefined) return `the control character U+${hex(control)}`;
  if (text.includes('\ufffd')) return 'U+FFFD, the mark of a character that was lost';
  if (LONE_SURROGATE.test(text)) return 'half of a surrogate pair';
  if (/\r(?!\n)/.test(text)) return 'a carriage return without a line feed';
  return text.includes('\r\n') && /(?<!\r)\n/.test(text) ? 'mixed newlines' : undefined;
}

function hex(char: string): string {
  return char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
}

function normalised(text: string): string {
  if (badCharacters(text) === undefined) return text;
  return withoutMojibake(text)
    .replace(/\r\n?/g, '\n')
    .replace(/[\p{Cs}\ufffd]/gu, '')
    .replace(new RegExp(CONTROL, 'g'), '')
    .normalize('NFC');
}

const characters: RowCheck = {
  code: 'D204',
  severity: 'warn',
  title: 'control characters, lost characters or mixed newlines',
  why: 'The model learns to write them; some tokenizers fail on half a surrogate pair.',
  advice: 'Normalise the text.',
  fix: 'decode mojibake, drop what is no character, NFC, \\n',
  check({ sample }) {
    if (sample === null) return undefined;
    for (const { role, text } of textsOf(sample)) {
      const bad = badCharacters(text);
      if (bad !== undefined) return `${bad} in a ${role} turn`;
    }
    return undefined;
  },
  applyFix: (sample) => changeTexts(sample, normalised),
};

const padded: RowCheck = {
  code: 'D205',
  severity: 'warn',
  title: 'white space around an answer',
  why: 'Templates strip it differently, so that the trained tokens are not those of generation.',
  advice: 'Trim the answers.',
  fix: 'trim',
  check({ sample }) {
    if (sample === null) return undefined;
    const empty = emptyAnswers(sample);
    for (const [turn, { role, parts, call }] of sample.messages.entries()) {
      if (role !== 'assistant' || call || empty.includes(turn)) continue;
      const first = parts[0];
      const last = parts.at(-1);
      if (first?.type === 'text' && /^\s/.test(first.text))
        return `turn ${turn} begins with ${quote(lead(first.text))}`;
      if (last?.type === 'text' && last.text !== last.text.trimEnd())
        return `turn ${turn} ends with ${quote(tail(last.text))}`;
    }
    return undefined;
  },
  applyFix(sample) {
    const messages = sample.messages.map((message) => {
      if (message.role !== 'assistant' || message.call) return message;
      const end = message.parts.length - 1;
      const parts = message.parts.map((part, index) => {
        if (part.type !== 'text') return part;
        let { text } = part;
        if (index === 0) text = text.trimStart();
        if (index === end) text = text.trimEnd();
        return { ...part, text };
      });
      return { ...message, parts };
    });
    return changed(sample, { ...sample, messages });
  },
};

const lead = (text: string): string => /^\s*/.exec(text)![0];
const tail = (text: string): string => text.slice(text.trimEnd().length);

const suspicious: RowCheck = {
  code: 'D206',
  severity: 'warn',
  title: 'an answer that is very long, runs in a loop or refuses',
  why: 'Such answers come from a failed generation, and the model learns to fail like that.',
  advice: 'Look at the rows and leave out what you would not want to hear.',
  check({ sample }) {
    if (sample === null) return undefined;
    for (const { role, text } of textsOf(sample)) {
      if (role !== 'assistant') continue;
      if (text.length > LONG_ANSWER) return `an answer of ${text.length.toLocaleString('en-US')} characters`;
      const refused = refusal(text);
      if (refused !== undefined) return `it says ${quote(refused)}`;
      const phrase = loop(text);
      if (phrase !== undefined) return `it repeats ${quote(phrase)}`;
    }
    return undefined;
  },
};

export const text: CheckGroup = rowGroup({ name: 'text', order: 80 }, [
  literal,
  placed,
  maskWords,
  characters,
  padded,
  suspicious,
]);
