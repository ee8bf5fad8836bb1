import type { Format, Probe, ReadContext, WriteOptions } from '../format.ts';
import type { Sample } from '../sample.ts';
import { isObject, type JsonObject, type ReadResult, TURN_COLUMNS } from './build.ts';
import { forgottenId, idColumn, metaClashes, metaColumns, unshownMedia } from './limits.ts';
import { withCallIds, withoutCallIds } from './openai-ids.ts';
import { pairLimits } from './pairs.ts';
import { callLimits } from './tool-calls.ts';
import { readTypedParts, type TypedStyle, writeTypedTurns } from './typed-parts.ts';

const COLUMNS = ['id', 'messages'];
const PAIR = ['input', 'preferred_output', 'non_preferred_output'];
/** Of a pair, what stands in `input` beside the messages. */
const REQUEST = ['tools', 'parallel_tool_calls'];

const STYLE: TypedStyle = {
  media: (kind, path, detail) =>
    kind === 'image' ? { type: 'image_url', image_url: { url: path, detail: detail ?? 'auto' } } : undefined,
  plainText: true,
  arguments: 'text',
};

/**
 * OpenAI's chat format, one request a line: images as `image_url` parts (URLs, data URIs, paths), turns of one text as
 * plain strings. Rows have no id of their own; `ids: true` writes one. Preference pairs are `input`, `preferred_output`
 * and `non_preferred_output`.
 * Source: platform.openai.com, "Chat Completions", "Vision fine-tuning" and "Direct preference optimization".
 */
export const openai: Format = {
  name: 'openai',
  order: 50,
  aliases: ['openai-chat'],
  title: 'OpenAI chat',
  container: 'lines',
  extension: '.jsonl',

  sniff(probe: Probe) {
    if (probe.records.some(isPairRecord))
      return { confidence: 0.95, because: 'records have "preferred_output" and "non_preferred_output"' };
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
    const read = readTypedParts(isPairRecord(record) ? asPair(record) : record, context, COLUMNS, 'text');
    return read.ok ? { ok: true, sample: withoutCallIds(read.sample) } : read;
  },

  write(sample: Sample, { options }: WriteOptions) {
    const { preference, meta } = sample;
    if (preference !== undefined) {
      const parts = [sample.messages.slice(0, preference.from), sample.messages.slice(preference.from)];
      const sides = [...parts, preference.rejected].map((part) => writeTypedTurns(sample, part, STYLE));
      const all = withCallIds(sides.flat());
      const [messages, preferred_output, non_preferred_output] = sides.map((side) => all.splice(0, side.length));
      const request = Object.fromEntries(Object.entries(meta).filter(([key]) => REQUEST.includes(key)));
      const others = metaColumns(meta, [...COLUMNS, ...PAIR, ...REQUEST, TURN_COLUMNS]);
      return [
        {
          ...idColumn(sample, options),
          input: { messages, ...request },
          preferred_output,
          non_preferred_output,
          ...others,
        },
      ];
    }
    const messages = withCallIds(writeTypedTurns(sample, sample.messages, STYLE));
    return [{ ...idColumn(sample, options), messages, ...metaColumns(sample.meta, [...COLUMNS, TURN_COLUMNS]) }];
  },

  cannotHold: (sample: Sample) => [
    ...(sample.media.videos.length > 0 ? ['video'] : []),
    ...callLimits(sample.messages),
    ...unshownMedia({ ...sample, media: { ...sample.media, videos: [] } }),
    ...(sample.preference?.from === 0 ? ['preference pair without a prompt'] : []),
    ...pairLimits(sample).filter((what) => what.startsWith('image')),
    ...metaClashes(sample.meta, [...COLUMNS, ...(sample.preference === undefined ? [] : PAIR)]),
  ],

  holdsPreferences: true,

  silentlyDrops: forgottenId,
};

function isPairRecord(record: unknown): record is JsonObject & { input: JsonObject } {
  if (!isObject(record) || !isObject(record.input)) return false;
  return [record.input.messages, record.preferred_output, record.non_preferred_output].every(Array.isArray);
}

/** The record under the names that every format of typed parts has for a pair. */
function asPair({ input, preferred_output, non_preferred_output, ...others }: JsonObject & { input: JsonObject }) {
  const { messages, ...request } = input;
  return { ...others, ...request, prompt: messages, chosen: preferred_output, rejected: non_preferred_output };
}
