import { hash } from 'node:crypto';
import { ExactNumber, exactJson } from './exact-number.ts';
import type { Message, Part, Sample } from './sample.ts';

/**
 * The one JSON text of a sample: keys sorted at every level, no white space, media by path. Two samples are the same
 * exactly if their canonical texts are.
 */
export function canonicalJson(sample: Sample): string {
  return exactJson(sortKeys(sample), 'literal');
}

/**
 * Brackets in brackets: Python's parser gives up at a thousand, and every walk through a value takes the stack that
 * there is.
 */
const MOST_DEPTH = 500;

/**
 * A JSON value with the keys of every object sorted by code unit. Throws `RangeError` where it is nested more than 500
 * deep.
 */
export function sortKeys(value: unknown, depth = 0): unknown {
  if (value === null || typeof value !== 'object' || value instanceof ExactNumber) return value;
  if (depth > MOST_DEPTH) throw new RangeError(`nested more than ${MOST_DEPTH} deep`);
  if (Array.isArray(value)) return value.map((item) => sortKeys(item, depth + 1));
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries.map(([key, item]) => [key, sortKeys(item, depth + 1)]));
}

/**
 * SHA-256 of everything that a sample says, 32 bytes: media by path, keys of `meta` sorted. What is hashed isn't JSON
 * but counted texts (`5:kites`), since every row of every data set is hashed and escaping its texts took longer than
 * hashing them.
 */
export function hashSample({ id, media: { images, videos }, messages, meta, preference }: Sample): Uint8Array {
  let text = counted(id);
  text += `images${images.length};`;
  for (const { path } of images) text += counted(path);
  text += `videos${videos.length};`;
  for (const { path, frames } of videos)
    text += frames === undefined ? counted(path) : `frames${frames.length};${frames.map(counted).join('')}`;
  for (const message of messages) text += messageText(message);
  if (preference !== undefined) {
    text += `rejected${preference.from};`;
    for (const message of preference.rejected) text += messageText(message);
  }
  return sha256(`${text}meta;${exactJson(sortKeys(meta), 'literal')}`);
}

function messageText({ role, call, parts }: Message): string {
  let text = `${role}${call ? ' call' : ''}${parts.length};`;
  for (const part of parts) text += partText(part);
  return text;
}

function partText(part: Part): string {
  if (part.type === 'text') return counted(part.text);
  return part.type === 'image' ? `image${part.image};` : `video${part.video};`;
}

/**
 * Its length tells where a text ends, so that none can pass for two. Half a surrogate pair, which UTF-8 can't spell, is
 * escaped.
 */
function counted(text: string): string {
  const sound = text.isWellFormed() ? text : JSON.stringify(text);
  return `${text.length}:${sound}`;
}

/** SHA-256 of text (UTF-8) or bytes, 32 bytes. */
export function sha256(data: string | Uint8Array): Uint8Array {
  return hash('sha256', data, 'buffer');
}
