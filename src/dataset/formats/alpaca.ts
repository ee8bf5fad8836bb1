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
import { FORM_COLUMN, formColumn, formOf, pairedTurns, pairLimits } from './pairs.ts';
import { GAPS_COLUMN, renderMessage, renderPlaceholders, splitPlaceholders } from './placeholders.ts';
import { turnColumnLimits } from './turn-columns.ts';

/** LLaMA-Factory's names of the columns, and what they are called unless `columns` says otherwise. */
const NAMES = {
  prompt: 'instruction',
  query: 'input',
  response: 'output',
  history: 'history',
  system: 'system',
  images: 'images',
  videos: 'videos',
  chosen: 'chosen',
  rejected: 'rejected',
};
type Names = typeof NAMES;

/**
 * Alpaca's instruction, input and output, as LLaMA-Factory reads them: `history` holds the earlier turns as pairs,
 * `images` and `videos` the media of the `<image>` and `<video>` in the texts. Instruction and input are one question
 * with a newline between, and are told apart again in writing. Options: `columns` as in its `dataset_info.json`; `name`
 * is the entry written there. Source: hiyouga/LLaMA-Factory `data/converter.py`, `AlpacaDatasetConverter`.
 */
export const alpaca: Format = {
  name: 'alpaca',
  order: 30,
  trainerPixels: LLAMA_FACTORY_PIXELS,
  title: 'Alpaca (LLaMA-Factory)',
  container: 'array',
  extension: '.json',

  sniff(probe: Probe) {
    const records = probe.records.filter(isObject);
    const isPair = (record: JsonObject): boolean =>
      typeof record.chosen === 'string' && typeof record.rejected === 'string';
    const told = records.filter((record) => typeof record.instruction === 'string');
    const fits = told.some((record) => 'output' in record || isPair(record));
    if (!fits) return { confidence: 0, because: 'no "instruction" with "output"' };
    return { confidence: 0.9, because: 'records have "instruction" and "output"' };
  },

  read(record: unknown, context: ReadContext): ReadResult {
    if (!isObject(record)) return rowError(context, 'RECORD_SHAPE', 'the record is not an object');
    const names = namesOf(context.options);
    const images = mediaRefs(record[names.images], names.images);
    const videos = mediaRefs(record[names.videos], names.videos, 'video');
    if (typeof images === 'string') return rowError(context, 'MEDIA_SHAPE', images);
    if (typeof videos === 'string') return rowError(context, 'MEDIA_SHAPE', videos);
    const pairs = historyOf(record[names.history]);
    if (pairs === undefined) return rowError(context, 'RECORD_SHAPE', `"${names.history}" is not a list of pairs`);
    const asked = [record[names.prompt], record[names.query]].filter((text) => typeof text === 'string' && text !== '');
    if (asked.length === 0) return rowError(context, 'RECORD_SHAPE', `"${names.prompt}" is not a text`);
    const sides = [record[names.chosen], record[names.rejected]];
    const isPair = sides.every((side) => typeof side === 'string');
    const said = isPair ? undefined : record[names.response];
    const turns = [...pairs, [asked.join('\n'), said]].flatMap(([question, answer]): Turn[] => [
      turn('user', question),
      ...(typeof answer === 'string' ? [turn('assistant', answer)] : []),
    ]);
    const system = record[names.system];
    if (typeof system === 'string' && system !== '')
      turns.unshift({ role: 'system', parts: [{ type: 'text', text: system }] });
    const isUsed: Partial<Record<keyof Names, boolean>> = {
      response: typeof said === 'string',
      chosen: isPair,
      rejected: isPair,
    };
    const keys = (Object.keys(names) as (keyof Names)[]).filter((key) => isUsed[key] !== false);
    const query = record[names.query];
    const others = otherColumns(record, ['id', ...keys.map((key) => names[key])]);
    const known = isObject(others[FORM_COLUMN]) ? others[FORM_COLUMN] : {};
    const input = typeof query === 'string' && query !== '' ? query.length : undefined;
    const meta = { ...others, ...formColumn({ ...known, input }) };
    const [chosen, rejected] = sides.map((side) => [turn('assistant', side)]);
    const all = isPair ? pairedTurns(turns, chosen!, rejected!) : { turns };
    return assemble({ id: idOf(record, context), ...all, images, videos, meta }, context);
  },

  write(sample: Sample, { options }: WriteOptions) {
    const names = namesOf(options);
    const system = sample.messages.find((message) => message.role === 'system');
    const texts = sample.messages
      .filter((message) => message.role === 'user' || message.role === 'assistant')
      .map((message) => renderMessage(sample, message));
    const [question, answer] = texts.slice(-2);
    if (texts.length < 2) return [];
    const { input: inputLength, ...otherForm } = formOf(sample);
    const [instruction, input] = splitQuestion(question!, inputLength);
    const rejected = sample.preference?.rejected[0];
    return [
      {
        id: sample.id,
        [names.prompt]: instruction,
        [names.query]: input,
        ...(rejected === undefined
          ? { [names.response]: answer }
          : { [names.chosen]: answer, [names.rejected]: renderMessage(sample, rejected) }),
        [names.system]: system === undefined ? '' : renderMessage(sample, system),
        [names.history]: pairsOf(texts.slice(0, -2)),
        [names.images]: shownPaths(sample, 'image'),
        [names.videos]: shownVideos(sample),
        ...metaColumns(sample.meta, [...columnsOf(sample, names), GAPS_COLUMN, FORM_COLUMN]),
        ...formColumn(otherForm),
      },
    ];
  },

  cannotHold(sample: Sample, { options }: WriteOptions) {
    const { messages } = sample;
    const systems = messages.filter((message) => message.role === 'system');
    const isPlain = (message: Message): boolean => message.parts.length === 1 && message.parts[0]?.type === 'text';
    const first = messages[0];
    return [
      ...(systems.length > 1 || (systems.length === 1 && first?.role !== 'system')
        ? ['system turn after the first']
        : []),
      ...(systems.some((message) => !isPlain(message) || renderPlaceholders(message.parts) === '')
        ? ['system turn that is not one text']
        : []),
      ...(messages.some((message) => message.role === 'tool' || message.call) ? ['tool turn'] : []),
      ...(messages.at(-2)?.parts.length === 0 ? ['empty question'] : []),
      ...turnLimits(sample),
      ...pairLimits(sample),
      ...turnColumnLimits(sample),
      ...literalTagLimits(sample, ['image', 'video']),
      ...unshownMedia(sample),
      ...metaClashes(sample.meta, columnsOf(sample, namesOf(options))),
    ];
  },

  holdsPreferences: true,
  holdsFrames: true,
  silentlyDrops: textLimits,

  sideFiles(mainFile: string, { options }: WriteOptions, columnsWritten: ReadonlySet<string>) {
    const plain = basename(mainFile).replace(COMPRESSED, '');
    const name = typeof options.name === 'string' ? options.name : basename(plain, extname(plain));
    const tools = columnsWritten.has('tools') ? { tools: 'tools' } : {};
    const { chosen, rejected, response, ...names } = namesOf(options);
    const isRanking = columnsWritten.has(chosen) && columnsWritten.has(rejected);
    const columns = { ...names, ...(isRanking ? { chosen, rejected } : { response }), ...tools };
    // Complete: a column that the map leaves out is read as nothing.
    const entry = {
      file_name: basename(mainFile),
      formatting: 'alpaca',
      ...(isRanking ? { ranking: true } : {}),
      columns,
    };
    return [{ name: 'dataset_info.json', content: `${JSON.stringify({ [name]: entry }, null, 1)}\n`, mergeKeys: true }];
  },
};

function namesOf(options: Readonly<JsonObject>): Names {
  const given = isObject(options.columns) ? options.columns : {};
  const named = Object.entries(NAMES).map(([key, name]) => [key, typeof given[key] === 'string' ? given[key] : name]);
  return Object.fromEntries(named) as Names;
}

/** Columns that are the format's own in that sample's row. */
function columnsOf({ preference }: Sample, { chosen, rejected, ...names }: Names): string[] {
  return ['id', ...Object.values(names), ...(preference === undefined ? [] : [chosen, rejected])];
}

/** Instruction and input of a question; a text that was changed since stays in one where no newline is between them. */
function splitQuestion(question: string, inputLength = 0): [string, string] {
  const at = question.length - inputLength;
  if (inputLength === 0 || at < 0 || (at > 0 && question[at - 1] !== '\n')) return [question, ''];
  return [question.slice(0, Math.max(0, at - 1)), question.slice(at)];
}

function turn(role: 'user' | 'assistant', text: unknown): Turn {
  return { role, ...splitPlaceholders(String(text), ['image', 'video']) };
}

function historyOf(value: unknown): [string, unknown][] | undefined {
  if (value === null || value === undefined || value === '') return [];
  if (!Array.isArray(value)) return undefined;
  const isPair = (pair: unknown): pair is [string, string] =>
    Array.isArray(pair) && pair.length === 2 && pair.every((text) => typeof text === 'string');
  return value.every(isPair) ? value : undefined;
}

function pairsOf(texts: readonly string[]): string[][] {
  return Array.from({ length: Math.floor(texts.length / 2) }, (_, i) => texts.slice(2 * i, 2 * i + 2));
}
