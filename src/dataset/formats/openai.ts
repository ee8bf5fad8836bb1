import type { Format, Probe, ReadContext, WriteOptions } from '../format.ts';
import type { Sample } from '../sample.ts';
import { isObject, type ReadResult, TURN_COLUMNS } from './build.ts';
import { forgottenId, idColumn, metaClashes, metaColumns, unshownMedia } from './limits.ts';
import { withCallIds, withoutCallIds } from './openai-ids.ts';
import { callLimits } from './tool-calls.ts';
import { readTypedParts, type TypedStyle, writeTypedTurns } from './typed-parts.ts';

const COLUMNS = ['id', 'messages'];

const STYLE: TypedStyle = {
  media: (kind, path, detail) =>
    kind === 'image' ? { type: 'image_url', image_url: { url: path, detail: detail ?? 'auto' } } : undefined,
  plainText: true,
  arguments: 'text',
};

/**
 * OpenAI's chat format, one request a line: images as `image_url` parts (URLs, data URIs, paths), turns of one text as
 * plain strings. Rows have no id of their own; `ids: true` writes one.
 * Source: platform.openai.com, "Chat Completions" and "Vision fine-tuning".
 */
export const openai: Format = {
  name: 'openai',
  order: 50,
  aliases: ['openai-chat'],
  title: 'OpenAI chat',
  container: 'lines',
  extension: '.jsonl',

  sniff(probe: Probe) {
    const turns = probe.records
      .flatMap((record) => (isObject(record) && Array.isArray(record.messages) ? record.messages : []))
      .filter(isObject);
    const parts = turns.flatMap((turn) => (Array.isArray(turn.content) ? turn.content : [])).filter(isObject);
    if (parts.some((part) => part.type === 'image_url'))
      return { confidence: 0.95, because: 'records have "messages" with "image_url" parts' };
    const calls = turns.flatMap((turn) => (Array.isArray(turn.tool_calls) ? turn.tool_calls : [])).filter(isObject);
    if (calls.some((call) => isObject(call.function) && typeof call.function.arguments === 'string'))
      return { confidence: 0.95, because: 'records have "tool_calls" whose arguments are text' };
    return { confidence: 0, because: 'neither an "image_url" part nor arguments of a call as text' };
  },

  read(record: unknown, context: ReadContext): ReadResult {
    const read = readTypedParts(record, context, COLUMNS, 'text');
    return read.ok ? { ok: true, sample: withoutCallIds(read.sample) } : read;
  },

  write(sample: Sample, { options }: WriteOptions) {
    const messages = withCallIds(writeTypedTurns(sample, sample.messages, STYLE));
    return [{ ...idColumn(sample, options), messages, ...metaColumns(sample.meta, [...COLUMNS, TURN_COLUMNS]) }];
  },

  cannotHold: (sample: Sample) => [
    ...(sample.media.videos.length > 0 ? ['video'] : []),
    ...callLimits(sample.messages),
    ...unshownMedia({ ...sample, media: { ...sample.media, videos: [] } }),
    ...metaClashes(sample.meta, COLUMNS),
  ],

  silentlyDrops: forgottenId,
};
