import type { Format, Probe, ReadContext } from '../format.ts';
import type { Sample } from '../sample.ts';
import { isObject, type JsonObject, otherColumns, type ReadResult, rowError, scalarToString } from './build.ts';
import { exchangeLimits, exchangeOf, idText, idValue } from './caption.ts';
import { metaClashes } from './limits.ts';
import { questionTurns } from './question-turns.ts';

const COLUMNS = ['question_id', 'image', 'text', 'answer'];

/** A line of NLVR's `dev.json`. */
interface Statement extends JsonObject {
  sentence: string;
  identifier: string;
}

function isStatement(record: unknown): record is Statement {
  if (!isObject(record) || 'question_id' in record) return false;
  return typeof record.sentence === 'string' && typeof record.identifier === 'string';
}

/**
 * A statement of NLVR about the first of its six pictures (the boxes in another order each),
 * `images/<directory>/<split>-<identifier>-0.png`; the split is the file's name unless the option `split` says another.
 * `label` says whether it is true; hidden test sets have none. Source: lil-lab/nlvr `nlvr/README.md`.
 */
function questionOfStatement(
  { sentence, identifier, directory, label, ...rest }: Statement,
  context: ReadContext,
): JsonObject {
  const split = context.options.split ?? context.file.replace(/\.(jsonl?|ndjson)$/i, '');
  const folder = directory === undefined ? 'images' : `images/${scalarToString(directory)}`;
  const image = `${folder}/${split}-${identifier}-0.png`;
  return { question_id: identifier, image, text: sentence, ...(label === undefined ? {} : { answer: label }), ...rest };
}

/** The part of a picture's name that is not the split. */
const PICTURE = /-\d+-\d+-0\.png$/i;

/** The split by which most of these pictures are found among the names; of equals the one that the paths resemble. */
function splitOfPictures(paths: readonly string[], names: readonly string[]) {
  const splits = new Map<string, number>();
  const tails = new Map<string, Set<string>>();
  for (const name of names) {
    const tail = PICTURE.exec(name)?.[0];
    if (tail !== undefined) tails.set(tail, (tails.get(tail) ?? new Set()).add(name.slice(0, -tail.length)));
  }
  for (const path of paths)
    for (const split of tails.get(PICTURE.exec(path)?.[0] ?? '') ?? [])
      splits.set(split, (splits.get(split) ?? 0) + (path.toLowerCase().includes(split.toLowerCase()) ? 1.5 : 1));
  const [best] = [...splits].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  if (best === undefined) return undefined;
  const [split] = best;
  const path = (old: string): string => {
    const tail = PICTURE.exec(old)?.[0];
    return tail === undefined ? old : `${old.slice(0, old.lastIndexOf('/') + 1)}${split}${tail}`;
  };
  return { option: { split }, path };
}

/**
 * Question files of LLaVA's evaluation (VQAv2, GQA, POPE, TextVQA and others): one question a line with `question_id`,
 * `image` and `text`. An answer is `answer`, or `label` as POPE's gold files call it. NLVR's statements are read too.
 * Source: haotian-liu/LLaVA `docs/Evaluation.md`, `eval/model_vqa_loader.py`.
 */
export const questions: Format = {
  name: 'questions',
  order: 150,
  title: 'question file',
  container: 'lines',
  extension: '.jsonl',

  sniff(probe: Probe) {
    const records = probe.records.filter(isObject);
    if (records.length > 0 && records.every(isStatement))
      return { confidence: 0.95, because: 'statements of NLVR: "sentence", "identifier" and "directory"' };
    const fits = records.some((item) => 'question_id' in item && typeof item.text === 'string' && 'image' in item);
    if (!fits) return { confidence: 0, because: 'no "question_id" with "image" and "text"' };
    return { confidence: 0.95, because: 'records have "question_id", "image" and "text"' };
  },

  mediaOption: splitOfPictures,

  read(given: unknown, context: ReadContext): ReadResult {
    const record = isStatement(given) ? questionOfStatement(given, context) : given;
    if (!isObject(record) || typeof record.text !== 'string')
      return rowError(context, 'RECORD_SHAPE', 'the question has no "text"');
    if (typeof record.image !== 'string' || record.image === '')
      return rowError(context, 'RECORD_SHAPE', 'the question has no "image"');
    const { answer, label } = record;
    const used = answer === undefined && typeof label === 'string' ? [...COLUMNS, 'label'] : COLUMNS;
    const meta = otherColumns(record, used);
    const id = idText(record.question_id) ?? `${context.file}#${context.row}`;
    const messages = questionTurns(record.text, answer ?? (used === COLUMNS ? undefined : label));
    return { ok: true, sample: { id, messages, media: { images: [{ path: record.image }], videos: [] }, meta } };
  },

  write(sample: Sample) {
    const exchange = exchangeOf(sample);
    if (exchange?.question === undefined) return [];
    const { image, question, answer } = exchange;
    const said = answer === undefined ? {} : { answer };
    return [{ question_id: idValue(sample.id), image, text: question, ...said, ...sample.meta }];
  },

  cannotHold: (sample: Sample) => [
    ...exchangeLimits(sample, 'question'),
    ...metaClashes(sample.meta, [...COLUMNS, 'label']),
  ],
};
