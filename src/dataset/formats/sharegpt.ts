import { basename, extname } from 'node:path';
import { LLAMA_FACTORY_PIXELS } from '../../families/boxes.ts';
import type { Format, Probe, ReadContext, WriteOptions } from '../format.ts';
import { COMPRESSED } from '../records/compress.ts';
import type { Message, Sample } from '../sample.ts';
import {
  assemble,
  idOf,
  isObject,
  type JsonObject,
  mediaRefs,
  otherColumns,
  type ReadResult,
  rowError,
  TURN_COLUMNS,
  type Turn,
} from './build.ts';
import {
  literalTagLimits,
  metaClashes,
  metaColumns,
  shownPaths,
  shownVideos,
  textLimits,
  turnLimits,
  unshownMedia,
} from './limits.ts';
import { pairedTurns, pairLimits } from './pairs.ts';
import { GAPS_COLUMN, renderMessage, renderPlaceholders } from './placeholders.ts';
import { type ColumnMap, columnMap, registryEntry } from './sharegpt-map.ts';
import { readTaggedTurns } from './tagged-turns.ts';
import { gatheredColumns, gatheredText, groupCalls, LIST_COLUMN } from './tool-calls.ts';
import { turnColumns } from './turn-columns.ts';

/**
 * ShareGPT as LLaMA-Factory reads it: turns with `<image>` and `<video>` in their text, media in lists beside them.
 * Options: `columns` and `tags` as in its `dataset_info.json`; `style: 'messages'` writes role/content turns with the
 * system turn among them, the default writes from/value turns and a `system` column; `name` is the entry in
 * `dataset_info.json`. Source: hiyouga/LLaMA-Factory `data/converter.py`, `data/mm_plugin.py`.
 */
export const sharegpt: Format = {
  name: 'sharegpt',
  order: 20,
  aliases: ['llama-factory', 'llamafactory'],
  trainerPixels: LLAMA_FACTORY_PIXELS,
  title: 'ShareGPT (LLaMA-Factory)',
  container: 'array',
  extension: '.json',

  sniff(probe: Probe) {
    const records = probe.records.filter(isObject);
    if (records.some((record) => Array.isArray(record.conversations))) {
      const own = ['images', 'videos', 'system', 'tools'].filter((name) => records.some((record) => name in record));
      if (own.length === 0) return { confidence: 0.6, because: 'records have "conversations"' };
      return {
        confidence: 0.9,
        because: `records have "conversations" and ${own.map((name) => `"${name}"`).join(', ')}`,
      };
    }
    const texts = records.flatMap((record) => (Array.isArray(record.messages) ? record.messages : [])).filter(isObject);
    if (texts.length === 0 || !texts.every((turn) => typeof turn.content === 'string'))
      return { confidence: 0, because: 'no turns of plain text' };
    const tagged = texts.some((turn) => /<image>|<video>/.test(String(turn.content)));
    if (tagged) return { confidence: 0.9, because: 'records have "messages" whose text carries <image> or <video>' };
    const media = records.some((record) =>
      [record.images, record.image].some((item) => (Array.isArray(item) ? item.length > 0 : Boolean(item))),
    );
    return { confidence: media ? 0.3 : 0.6, because: 'records have "messages" of plain text' };
  },

  read(record: unknown, context: ReadContext): ReadResult {
    if (!isObject(record)) return rowError(context, 'RECORD_SHAPE', 'the record is not an object');
    const map = columnMap(context.options, record);
    const list = record[map.messages];
    if (!Array.isArray(list)) return rowError(context, 'RECORD_SHAPE', `"${map.messages}" is not a list of turns`);
    const images = mediaRefs(record[map.images], map.images);
    const videos = mediaRefs(record[map.videos], map.videos, 'video');
    if (typeof images === 'string') return rowError(context, 'MEDIA_SHAPE', images);
    if (typeof videos === 'string') return rowError(context, 'MEDIA_SHAPE', videos);
    const turns = readTaggedTurns(list, { ...map.tags, roles: map.roles }, ['image', 'video']);
    if (!Array.isArray(turns)) return rowError(context, turns.code, turns.message);
    // A system turn among the turns wins over the column, as in LLaMA-Factory.
    const sides = [record[map.chosen], record[map.rejected]];
    const isPair = sides.every((side) => isObject(side) && map.tags.content in side);
    const [chosen = [], rejected = []] = isPair
      ? sides.map((side) => readTaggedTurns([side], { ...map.tags, roles: map.roles }, ['image', 'video']))
      : [];
    for (const side of [chosen, rejected])
      if (!Array.isArray(side)) return rowError(context, side.code, `${side.message}, of a preference pair`);
    const system = record[map.system];
    if (typeof system === 'string' && system !== '' && turns[0]?.role !== 'system') {
      turns.unshift({ role: 'system', parts: [{ type: 'text', text: system }] });
    }
    const used = [
      'id',
      map.messages,
      map.images,
      map.videos,
      map.system,
      ...(isPair ? [map.chosen, map.rejected] : []),
    ];
    const id = idOf(record, context);
    const all = isPair ? pairedTurns(turns, chosen as Turn[], rejected as Turn[]) : { turns };
    return assemble({ id, ...all, images, videos, meta: otherColumns(record, used) }, context);
  },

  write(sample: Sample, { options }: WriteOptions) {
    const map = columnMap(options, {});
    const inTurns = options.style === 'messages';
    const system = sample.messages[0]?.role === 'system' ? sample.messages[0] : undefined;
    const turns = sample.messages.filter((message) => message.role !== 'system' || (inTurns && message === system));
    if (!turns.some((turn) => turn.role === 'assistant')) return [];
    const { preference } = sample;
    const spelled = (messages: readonly Message[]): JsonObject[] =>
      groupCalls(sample, messages).map((group) => turnOf(sample, group, map));
    const chosen = sample.messages.slice(preference?.from ?? sample.messages.length);
    const pair = preference && {
      [map.chosen]: spelled(chosen)[0],
      [map.rejected]: spelled(preference.rejected)[0],
    };
    return [
      {
        id: sample.id,
        [map.messages]: spelled(turns.filter((turn) => !chosen.includes(turn))),
        ...pair,
        ...(inTurns ? {} : { [map.system]: system === undefined ? '' : renderMessage(sample, system) }),
        [map.images]: shownPaths(sample, 'image'),
        [map.videos]: shownVideos(sample),
        ...metaColumns(sample.meta, [...ownColumns(map), TURN_COLUMNS, GAPS_COLUMN]),
      },
    ];
  },

  cannotHold(sample: Sample, { options }: WriteOptions) {
    const map = columnMap(options, {});
    const lost: string[] = [];
    const systems = sample.messages.filter((message) => message.role === 'system');
    if (systems.length > 1 || (systems.length === 1 && sample.messages[0]?.role !== 'system'))
      lost.push('system turn after the first');
    if (systems.some((message) => message.parts.some((part) => part.type !== 'text')))
      lost.push('image in the system turn');
    if (systems.some((message) => renderPlaceholders(message.parts) === '')) lost.push('empty system turn');
    return [
      ...lost,
      ...turnLimits(sample),
      ...pairLimits(sample),
      ...literalTagLimits(sample, ['image', 'video']),
      ...unshownMedia(sample),
      ...metaClashes(sample.meta, [...ownColumns(map), ...(sample.preference ? [map.chosen, map.rejected] : [])]),
    ];
  },

  holdsPreferences: true,
  holdsFrames: true,
  silentlyDrops: textLimits,

  sideFiles(mainFile: string, { options }: WriteOptions, columns: ReadonlySet<string>) {
    const plain = basename(mainFile).replace(COMPRESSED, '');
    const name = typeof options.name === 'string' ? options.name : basename(plain, extname(plain));
    const entry = registryEntry(columnMap(options, {}), basename(mainFile), options.style === 'messages', columns);
    return [{ name: 'dataset_info.json', content: `${JSON.stringify({ [name]: entry }, null, 1)}\n`, mergeKeys: true }];
  },
};

function ownColumns(map: ColumnMap): string[] {
  return ['id', map.messages, map.system, map.images, map.videos];
}

/** One turn; of several calls made at once the one that makes them all. */
function turnOf(sample: Sample, group: readonly Message[], map: ColumnMap): JsonObject {
  const [first] = group as [Message, ...Message[]];
  return {
    [map.tags.role]: roleName(first, map),
    [map.tags.content]: first.call ? gatheredText(sample, group) : renderMessage(sample, first),
    ...(first.call ? otherColumns(gatheredColumns(sample, group), [LIST_COLUMN]) : turnColumns(sample, first)),
  };
}

function roleName(message: Message, map: ColumnMap): string {
  for (const [name, { role, call }] of map.roles) {
    if (role === message.role && call === message.call) return name;
  }
  return message.role;
}
