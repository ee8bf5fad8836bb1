import type { Format, Probe, ReadContext, WriteOptions } from '../format.ts';
import type { Message, Sample } from '../sample.ts';
import { assemble, idOf, isObject, mediaRefs, otherColumns, type ReadResult, rowError, TURN_COLUMNS } from './build.ts';
import { inlineImageLimits, liftInlineImages } from './inline-images.ts';
import {
  forgottenId,
  idColumn,
  literalTagLimits,
  metaClashes,
  metaColumns,
  shownPaths,
  textLimits,
  unshownMedia,
} from './limits.ts';
import { renderPlaceholders } from './placeholders.ts';
import { readTaggedTurns } from './tagged-turns.ts';
import { turnColumns } from './turn-columns.ts';

const COLUMNS = ['id', 'messages', 'image', 'images', 'video', 'videos'];

/**
 * ms-swift's messages: text with `<image>` and `<video>`, media in lists that text-only rows leave out. Where there are
 * fewer tags than files, ms-swift puts the missing ones before the first message; the reader here sets such a row aside
 * instead. Old `<img>path</img>` in the text is read where a row has no list of images.
 * `objects`, `tools`, `loss` of a turn and other columns are kept. Rows have no id of their own; `ids: true` writes
 * one. Source: modelscope/ms-swift `docs/Customization/Custom-dataset`.
 */
export const swift: Format = {
  name: 'swift',
  title: 'ms-swift messages',
  container: 'lines',
  extension: '.jsonl',

  sniff(probe: Probe) {
    const records = probe.records.filter(isObject).filter((record) => Array.isArray(record.messages));
    const turns = records.flatMap((record) => record.messages as unknown[]).filter(isObject);
    if (probe.container !== 'lines' || !turns.every((turn) => typeof turn.content === 'string'))
      return { confidence: 0, because: 'no lines with turns of plain text' };
    if (turns.some((turn) => turn.role === 'tool_call' || turn.role === 'tool_response'))
      return { confidence: 0.92, because: 'records have "messages" with the roles tool_call and tool_response' };
    const isEmpty = (value: unknown): boolean => Array.isArray(value) && value.length === 0;
    const padded = records.some((record) => 'id' in record || isEmpty(record.images) || isEmpty(record.videos));
    const tagged = turns.some((turn) => /<image>|<video>|<img>[^<>\n]+<\/img>/.test(String(turn.content)));
    if (padded || !tagged) return { confidence: 0, because: 'no tags, or lists of media even where they are empty' };
    return {
      confidence: 0.92,
      because: 'records have "messages" with tags, and lists of media only where there are any',
    };
  },

  read(record: unknown, context: ReadContext): ReadResult {
    if (!isObject(record)) return rowError(context, 'RECORD_SHAPE', 'the record is not an object');
    if (!Array.isArray(record.messages)) return rowError(context, 'RECORD_SHAPE', '"messages" is not a list of turns');
    const given = record.images ?? record.image;
    const lifted = given === undefined ? liftInlineImages(record.messages, 'content') : undefined;
    const images = mediaRefs(given ?? lifted?.images, 'images');
    const videos = mediaRefs(record.videos ?? record.video, 'videos');
    if (typeof images === 'string') return rowError(context, 'MEDIA_SHAPE', images);
    if (typeof videos === 'string') return rowError(context, 'MEDIA_SHAPE', videos);
    const turns = readTaggedTurns(lifted?.turns ?? record.messages, { role: 'role', content: 'content' }, [
      'image',
      'video',
    ]);
    if (!Array.isArray(turns)) return rowError(context, turns.code, turns.message);
    return assemble({ id: idOf(record, context), turns, images, videos, meta: otherColumns(record, COLUMNS) }, context);
  },

  write(sample: Sample, { options }: WriteOptions) {
    const images = shownPaths(sample, 'image');
    const videos = shownPaths(sample, 'video');
    return [
      {
        ...idColumn(sample, options),
        messages: sample.messages.map((message) => ({
          role: roleName(message),
          content: renderPlaceholders(message.parts),
          ...turnColumns(sample, message),
        })),
        ...(images.length > 0 ? { images } : {}),
        ...(videos.length > 0 ? { videos } : {}),
        ...metaColumns(sample.meta, [...COLUMNS, TURN_COLUMNS]),
      },
    ];
  },

  cannotHold: (sample: Sample) => [
    ...literalTagLimits(sample, ['image', 'video']),
    ...inlineImageLimits(sample),
    ...unshownMedia(sample),
    ...metaClashes(sample.meta, COLUMNS),
  ],

  forgets: (sample, write) => [...forgottenId(sample, write), ...textLimits(sample)],
};

function roleName({ role, call }: Message): string {
  if (call) return 'tool_call';
  return role === 'tool' ? 'tool_response' : role;
}
