import type { Format, Probe, ReadContext, WriteOptions } from '../format.ts';
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
import { inlineImageLimits, liftInlineImages } from './inline-images.ts';
import {
  forgottenId,
  idColumn,
  literalTagLimits,
  metaClashes,
  metaColumns,
  shownPaths,
  shownVideos,
  textLimits,
  unshownMedia,
} from './limits.ts';
import { commonStart, FORM_COLUMN, formColumn, formOf, pairedTurns, pairLimits, type RowForm } from './pairs.ts';
import { GAPS_COLUMN, renderMessage } from './placeholders.ts';
import { readTaggedTurns } from './tagged-turns.ts';
import { callText, callTexts } from './tool-calls.ts';
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
  order: 60,
  aliases: ['ms-swift'],
  keepsObjects: true,
  title: 'ms-swift messages',
  container: 'lines',
  extension: '.jsonl',

  sniff(probe: Probe) {
    const records = probe.records.filter(isObject).filter((record) => Array.isArray(record.messages));
    const turns = records.flatMap((record) => record.messages as unknown[]).filter(isObject);
    // A file of one line can't be told from one object.
    const isLines = probe.container === 'lines' || (probe.container === 'object' && records.length > 0);
    if (!isLines || !turns.every(hasText)) return { confidence: 0, because: 'no lines with turns of plain text' };
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
    const videos = mediaRefs(record.videos ?? record.video, 'videos', 'video');
    if (typeof images === 'string') return rowError(context, 'MEDIA_SHAPE', images);
    if (typeof videos === 'string') return rowError(context, 'MEDIA_SHAPE', videos);
    const turns = readTaggedTurns(lifted?.turns ?? record.messages, { role: 'role', content: 'content' }, [
      'image',
      'video',
    ]);
    if (!Array.isArray(turns)) return rowError(context, turns.code, turns.message);
    const id = idOf(record, context);
    const meta = otherColumns(record, COLUMNS);
    const pair = pairOf(record, turns);
    if (pair === undefined) return assemble({ id, turns, images, videos, meta }, context);
    const known = isObject(meta[FORM_COLUMN]) ? meta[FORM_COLUMN] : {};
    const form = formColumn({ ...known, ...pair.form });
    const others = { ...otherColumns(meta, ['rejected_response', 'rejected_messages']), ...form };
    return assemble(
      { id, ...pairedTurns(pair.prompt, pair.chosen, pair.rejected), images, videos, meta: others },
      context,
    );
  },

  write(sample: Sample, { options }: WriteOptions) {
    const images = shownPaths(sample, 'image');
    const videos = shownVideos(sample);
    return [
      {
        ...idColumn(sample, options),
        messages: turnsOf(sample, sample.messages),
        ...rejectedOf(sample),
        ...(images.length > 0 ? { images } : {}),
        ...(videos.length > 0 ? { videos } : {}),
        ...metaColumns(sample.meta, [
          ...COLUMNS,
          TURN_COLUMNS,
          GAPS_COLUMN,
          ...(isToldByForm(sample) ? [FORM_COLUMN] : []),
        ]),
      },
    ];
  },

  cannotHold: (sample: Sample) => [
    ...literalTagLimits(sample, ['image', 'video']),
    ...inlineImageLimits(sample),
    ...unshownMedia(sample),
    ...(sample.preference === undefined ? [] : pairLimits(sample).filter((what) => what.startsWith('image'))),
    ...metaClashes(sample.meta, [
      ...COLUMNS,
      ...(sample.preference === undefined ? [] : ['rejected_response', 'rejected_messages']),
    ]),
  ],

  holdsPreferences: true,
  holdsFrames: true,

  silentlyDrops: (sample, write) => [...forgottenId(sample, write), ...textLimits(sample)],
};

/** Every turn has a text; calls are sometimes given as the object that the text would spell. */
function hasText(turn: JsonObject): boolean {
  return typeof turn.content === 'string' || (turn.role === 'tool_call' && typeof turn.content === 'object');
}

function turnsOf(sample: Sample, messages: readonly Message[]): JsonObject[] {
  return messages.flatMap((message) => {
    const texts = message.call
      ? (callTexts(callText(message)) ?? [callText(message)])
      : [renderMessage(sample, message)];
    return texts.map((content) => ({ role: roleName(message), content, ...turnColumns(sample, message) }));
  });
}

/**
 * The rejected answer of a row, where it can be told from the dialogue: a text in place of the last answer, or a whole
 * other dialogue.
 */
function pairOf(
  record: JsonObject,
  turns: Turn[],
): { prompt: Turn[]; chosen: Turn[]; rejected: Turn[]; form?: RowForm } | undefined {
  const { rejected_response: text, rejected_messages: list, rejected_images: own, messages } = record;
  if (typeof text === 'string' && turns.at(-1)?.role === 'assistant') {
    const rejected: Turn[] = [{ role: 'assistant', parts: text === '' ? [] : [{ type: 'text', text }] }];
    return { prompt: turns.slice(0, -1), chosen: turns.slice(-1), rejected };
  }
  if (!Array.isArray(list) || list.length === 0 || !Array.isArray(messages) || messages.length === 0) return undefined;
  if (own !== undefined && own !== null) return undefined;
  const common = commonStart(messages, list);
  const read = (part: readonly unknown[]) =>
    readTaggedTurns(part, { role: 'role', content: 'content' }, ['image', 'video']);
  const [prompt, rejected] = [read(messages.slice(0, common)), read(list.slice(common))];
  if (!Array.isArray(prompt) || !Array.isArray(rejected)) return undefined;
  // Media of a rejected answer could be those of the chosen one or others.
  if (rejected.some(({ parts }) => parts.some(({ type }) => type !== 'text'))) return undefined;
  const chosen = turns.slice(prompt.length);
  return {
    prompt,
    chosen,
    rejected,
    form: isPlainAnswer(chosen) && isPlainAnswer(rejected) ? { whole: true } : undefined,
  };
}

/** Whether `rejected_response` can spell it: one answer that is one text and carries nothing. */
function isPlainAnswer(turns: readonly (Turn | Message)[]): boolean {
  const [turn, ...more] = turns;
  if (turn?.role !== 'assistant' || turn.call || more.length > 0 || turn.parts.length > 1) return false;
  return turn.parts.every(({ type }) => type === 'text') && !('columns' in turn && turn.columns !== undefined);
}

/** True where the way in which the row is spelled says all that its form column would. */
function isToldByForm(sample: Sample): boolean {
  return isDefaultForm(sample) && Object.keys(formOf(sample)).join() === 'whole';
}

/** True where `rejected_response` could spell the pair. */
function isDefaultForm(sample: Sample): boolean {
  const { preference, messages } = sample;
  if (preference === undefined) return false;
  return isPlainAnswer(messages.slice(preference.from)) && isPlainAnswer(preference.rejected);
}

function rejectedOf(sample: Sample): JsonObject {
  const { preference, messages } = sample;
  if (preference === undefined) return {};
  const { from, rejected } = preference;
  const carries = rejected.some((message) => Object.keys(turnColumns(sample, message)).length > 0);
  if (isDefaultForm(sample) && !carries && formOf(sample).whole !== true)
    return { rejected_response: renderMessage(sample, rejected[0]!) };
  return { rejected_messages: turnsOf(sample, [...messages.slice(0, from), ...rejected]) };
}

function roleName({ role, call }: Message): string {
  if (call) return 'tool_call';
  return role === 'tool' ? 'tool_response' : role;
}
