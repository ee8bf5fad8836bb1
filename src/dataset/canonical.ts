import { hash } from 'node:crypto';
import type { MediaRef, Message, Part, Sample } from './sample.ts';

/**
 * The one JSON text of a sample: keys sorted at every level, no white space, media by path. Two samples are the same
 * exactly if their canonical texts are.
 */
export function canonicalJson({ id, media: { images, videos }, messages, meta }: Sample): string {
  // Put together by hand, since every row is hashed: in a third of the time that building objects for JSON.stringify takes.
  const media = `{"images":${list(images, ofMedium)},"videos":${list(videos, ofMedium)}}`;
  const rest = JSON.stringify(sortKeys(meta));
  return `{"id":${JSON.stringify(id)},"media":${media},"messages":${list(messages, ofMessage)},"meta":${rest}}`;
}

function list<T>(items: readonly T[], json: (item: T) => string): string {
  let text = '[';
  for (let i = 0; i < items.length; i++) text += i === 0 ? json(items[i]!) : `,${json(items[i]!)}`;
  return `${text}]`;
}

function ofMedium({ path }: MediaRef): string {
  return `{"path":${JSON.stringify(path)}}`;
}

function ofMessage({ call, parts, role }: Message): string {
  return `{${call ? '"call":true,' : ''}"parts":${list(parts, ofPart)},"role":"${role}"}`;
}

function ofPart(part: Part): string {
  if (part.type === 'text') return `{"text":${JSON.stringify(part.text)},"type":"text"}`;
  return part.type === 'image' ? `{"image":${part.image},"type":"image"}` : `{"type":"video","video":${part.video}}`;
}

/** A JSON value with the keys of every object sorted by code unit. */
export function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries.map(([key, item]) => [key, sortKeys(item)]));
}

/** SHA-256 of the canonical sample, 32 bytes. */
export function hashSample(sample: Sample): Uint8Array {
  return sha256(canonicalJson(sample));
}

/** SHA-256 of text (UTF-8) or bytes, 32 bytes. */
export function sha256(data: string | Uint8Array): Uint8Array {
  return hash('sha256', data, 'buffer');
}
