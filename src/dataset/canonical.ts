import { hash } from 'node:crypto';
import type { Sample } from './sample.ts';

/**
 * The one JSON text of a sample: keys sorted at every level, no white space, media by path. Two samples are the same
 * exactly if their canonical texts are.
 */
export function canonicalJson(sample: Sample): string {
  return JSON.stringify({
    id: sample.id,
    media: {
      images: sample.media.images.map((image) => ({ path: image.path })),
      videos: sample.media.videos.map((video) => ({ path: video.path })),
    },
    messages: sample.messages.map((message) => ({
      call: message.call,
      parts: message.parts.map(canonicalPart),
      role: message.role,
    })),
    meta: sortKeys(sample.meta),
  });
}

function canonicalPart(part: Sample['messages'][number]['parts'][number]): object {
  if (part.type === 'text') return { text: part.text, type: 'text' };
  if (part.type === 'image') return { image: part.image, type: 'image' };
  return { type: 'video', video: part.video };
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
