import { extname } from 'node:path';
import { exactJson } from '../exact-number.ts';
import type { Format, Probe, ReadContext } from '../format.ts';
import { mediaKind } from '../media/media-type.ts';
import { openJsonSource } from '../records/json-source.ts';
import type { Joiner } from '../records/sink.ts';
import type { Sample } from '../sample.ts';
import { isObject, otherColumns, type ReadResult, rowError } from './build.ts';
import { exchangeLimits, exchangeOf, idText } from './caption.ts';
import { metaClashes } from './limits.ts';
import { questionTurns } from './question-turns.ts';

const COLUMNS = ['imageId', 'question', 'answer'];
const isImage = (name: string): boolean => mediaKind(extname(name)) === 'image';

/**
 * GQA questions: one object that holds them by their id. The image is `<imageId>.jpg`. Questions without an answer (the
 * test splits) have no assistant turn; `fullAnswer`, `semantic`, `types` and the rest are kept.
 * Source: cs.stanford.edu/people/dorarad/gqa, "Questions".
 */
export const gqa: Format = {
  name: 'gqa',
  order: 140,
  title: 'GQA questions',
  container: 'own',
  extension: '.json',

  sniff(probe: Probe) {
    const seen = probe.members.flatMap((member) => (member.kind === 'object' ? member.first : [])).filter(isObject);
    const fits = seen.length > 0 && seen.every((item) => 'question' in item && 'imageId' in item);
    if (!fits) return { confidence: 0, because: 'no questions with "imageId" by their ids' };
    return { confidence: 1, because: 'questions with "imageId" by their ids' };
  },

  async openSource(probe: Probe) {
    // The object begins at the file's first bracket, behind a byte-order mark or white space.
    return openJsonSource(probe.path, { layout: 'members', start: Math.max(0, probe.head.indexOf(0x7b)) });
  },

  read(record: unknown, context: ReadContext): ReadResult {
    const [id, item] = (isObject(record) ? Object.entries(record)[0] : undefined) ?? ['', undefined];
    if (!isObject(item) || typeof item.question !== 'string')
      return rowError(context, 'RECORD_SHAPE', `question ${JSON.stringify(id)} has no "question"`);
    const imageId = idText(item.imageId);
    if (imageId === undefined || imageId === '')
      return rowError(context, 'RECORD_SHAPE', `question ${JSON.stringify(id)} has no "imageId"`);
    const path = isImage(imageId) ? imageId : `${imageId}.jpg`;
    const meta = otherColumns(item, COLUMNS);
    const messages = questionTurns(item.question, item.answer);
    const sample = {
      id: id || `${context.file}#${context.row}`,
      messages,
      media: { images: [{ path }], videos: [] },
      meta,
    };
    return { ok: true, sample };
  },

  write(sample: Sample) {
    const exchange = exchangeOf(sample);
    if (exchange?.question === undefined) return [];
    const { image, question, answer } = exchange;
    const imageId = image.endsWith('.jpg') && !isImage(image.slice(0, -4)) ? image.slice(0, -4) : image;
    return [{ [sample.id]: { imageId, question, ...(answer === undefined ? {} : { answer }), ...sample.meta } }];
  },

  cannotHold: (sample: Sample) => [...exchangeLimits(sample, 'question'), ...metaClashes(sample.meta, COLUMNS)],

  joiner(): Joiner {
    let rows = 0;
    return {
      add: (record) => [`${rows++ === 0 ? '{\n' : ',\n'}${exactJson(record).slice(1, -1)}`],
      end: () => [rows === 0 ? '{}\n' : '\n}\n'],
    };
  },
};
