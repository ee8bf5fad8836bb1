import type { Format, Probe, ReadContext, WriteOptions } from '../format.ts';
import { isRemote } from '../media/media.ts';
import type { Sample } from '../sample.ts';
import { isObject, type ReadResult, TURN_COLUMNS } from './build.ts';
import { forgottenId, idColumn, metaClashes, metaColumns, unshownMedia } from './limits.ts';
import { callLimits } from './tool-calls.ts';
import { readTypedParts, type TypedStyle, writeTypedTurns } from './typed-parts.ts';

const COLUMNS = ['id', 'messages', 'image', 'images', 'video', 'videos'];
const PAYLOADS = ['path', 'url', 'base64', 'image', 'video'];

/** The medium stands in its part: the only form in which axolotl keeps several images apart. */
const STYLE: TypedStyle = {
  media(kind, path) {
    if (kind === 'image' && /^data:/i.test(path)) return { type: kind, base64: path };
    return isRemote(path) ? { type: kind, url: path } : { type: kind, path };
  },
  plainText: false,
};

/**
 * axolotl's `chat_template` data: `messages` of typed parts, each image or video with its own `path`, `url` or
 * `base64`. axolotl resolves no relative path: write absolute ones, or start it in the folder that they are relative
 * to. Rows have no id of their own; `ids: true` writes one.
 * Source: axolotl `docs/multimodal.qmd`, `processing_strategies.py`.
 */
export const axolotl: Format = {
  name: 'axolotl',
  order: 70,
  title: 'axolotl chat template',
  container: 'lines',
  extension: '.jsonl',

  sniff(probe: Probe) {
    const parts = probe.records
      .flatMap((record) => (isObject(record) && Array.isArray(record.messages) ? record.messages : []))
      .flatMap((turn) => (isObject(turn) && Array.isArray(turn.content) ? turn.content : []))
      .filter(isObject);
    const media = parts.filter((part) => part.type === 'image' || part.type === 'video');
    const own = PAYLOADS.find((key) => media.some((part) => typeof part[key] === 'string'));
    if (own === undefined) return { confidence: 0, because: 'no part that brings its own medium' };
    return { confidence: 0.95, because: `records have "messages" whose media parts carry "${own}"` };
  },

  read: (record: unknown, context: ReadContext): ReadResult => readTypedParts(record, context, COLUMNS),

  write(sample: Sample, { options }: WriteOptions) {
    const messages = writeTypedTurns(sample, sample.messages, STYLE);
    return [{ ...idColumn(sample, options), messages, ...metaColumns(sample.meta, [...COLUMNS, TURN_COLUMNS]) }];
  },

  cannotHold: (sample: Sample) => [
    ...callLimits(sample.messages),
    ...unshownMedia(sample),
    ...metaClashes(sample.meta, COLUMNS),
  ],

  silentlyDrops: forgottenId,
};
