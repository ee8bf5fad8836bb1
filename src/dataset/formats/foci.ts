import { closeSync, openSync } from 'node:fs';
import { exactJson } from '../exact-number.ts';
import type { Format, Probe, ReadContext } from '../format.ts';
import { scanMembers } from '../records/json-members.ts';
import { openJsonSource } from '../records/json-source.ts';
import type { RecordSource } from '../records/source.ts';
import type { Sample } from '../sample.ts';
import { idOf, isObject, type JsonObject, otherColumns, type ReadResult, rowError } from './build.ts';
import { exchangeLimits, exchangeOf } from './caption.ts';
import { metaClashes } from './limits.ts';
import { questionTurns } from './question-turns.ts';

const COLUMNS = ['id', 'image', 'options', 'groundtruth'];

/** An id made of the row's place in a file, as rows without one get it. */
const FROM_ROW = /\.json#\d+$/;

/** The file has no words of a question. Options are named by the alphabet, since the right one always comes first. */
function questionOf(options: readonly string[]): string {
  return ['Which of these is shown in the image?', ...options.toSorted()].join('\n');
}

function isOptions(value: unknown): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.every((option) => typeof option === 'string');
}

function isChoice(record: unknown): boolean {
  return isObject(record) && isOptions(record.options) && typeof record.groundtruth === 'string' && 'image' in record;
}

/**
 * Multiple-choice files of FOCI: one object of lists by class, each element an `image`, its `options` and the
 * `groundtruth`. Source: gregor-ge/FOCI-Benchmark, `data`.
 */
export const foci: Format = {
  name: 'foci',
  order: 160,
  title: 'FOCI multiple choice',
  container: 'own',
  extension: '.json',

  sniff({ members }: Probe) {
    const seen = members.flatMap(({ kind, first }) => (kind === 'array' ? first : []));
    if (seen.length === 0 || !seen.every(isChoice)) return { confidence: 0, because: 'no lists with "groundtruth"' };
    return { confidence: 1, because: 'lists of images with "options" and "groundtruth" by their classes' };
  },

  openSource: async ({ path, head }: Probe) => openLists(path, Math.max(0, head.indexOf(0x7b))),

  read(record: unknown, context: ReadContext): ReadResult {
    if (!isObject(record) || typeof record.image !== 'string' || record.image === '')
      return rowError(context, 'RECORD_SHAPE', 'the record has no "image"');
    const { image, options, groundtruth } = record;
    if (!isOptions(options)) return rowError(context, 'RECORD_SHAPE', '"options" is not a list of texts');
    if (typeof groundtruth !== 'string' || !options.includes(groundtruth))
      return rowError(context, 'RECORD_SHAPE', '"groundtruth" is none of the options');
    const sample = {
      id: idOf(record, context),
      messages: questionTurns(questionOf(options), groundtruth),
      media: { images: [{ path: image }], videos: [] },
      meta: { options, ...otherColumns(record, COLUMNS) },
    };
    return { ok: true, sample };
  },

  write(sample: Sample) {
    const exchange = exchangeOf(sample);
    if (exchange?.answer === undefined) return [];
    const { image, answer } = exchange;
    const { options, ...meta } = sample.meta;
    const own = FROM_ROW.test(sample.id) ? {} : { id: sample.id };
    return [{ ...own, image, options, groundtruth: answer, ...meta }];
  },

  cannotHold(sample: Sample) {
    const { options, ...meta } = sample.meta;
    const exchange = exchangeOf(sample);
    const isOurs = isOptions(options) && exchange?.question === questionOf(options);
    return [
      ...exchangeLimits(sample, 'question'),
      ...(isOurs && exchange.answer !== undefined && options.includes(exchange.answer)
        ? []
        : ['question that is no choice of "options"']),
      ...metaClashes(meta, COLUMNS),
    ];
  },

  joiner() {
    const classes = new Map<string, string[]>();
    return {
      add(record) {
        const { groundtruth } = record as JsonObject & { groundtruth: string };
        const rows = classes.get(groundtruth) ?? [];
        classes.set(groundtruth, rows);
        rows.push(exactJson(record));
        return [];
      },
      end() {
        const lists = [...classes].map(([name, rows]) => `${JSON.stringify(name)}: [${rows.join(',\n')}]`);
        return [`{${lists.join(',\n')}}\n`];
      },
    };
  },
};

/** The elements of all lists of an object, one list after another. */
function openLists(path: string, start: number): RecordSource {
  const fd = openSync(path, 'r');
  const { members } = scanMembers(fd, start, Number.POSITIVE_INFINITY);
  closeSync(fd);
  const lists = members.filter(({ kind }) => kind === 'array');
  const open = (offset: number): RecordSource => openJsonSource(path, { layout: 'inner', start: offset });
  const { read, close } = open(start);
  return {
    async scan(visit, signal) {
      for (const { offset } of lists) {
        const list = open(offset);
        try {
          await list.scan(visit, signal);
        } finally {
          list.close();
        }
      }
    },
    read,
    close,
  };
}
