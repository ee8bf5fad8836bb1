import { closeSync, existsSync, openSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { exactJson } from '../exact-number.ts';
import type { Format, Probe, ReadContext } from '../format.ts';
import { decompress } from '../records/decompress.ts';
import { joinedSource } from '../records/joined-source.ts';
import { scanMembers } from '../records/json-members.ts';
import type { Joiner } from '../records/sink.ts';
import type { RecordSource } from '../records/source.ts';
import type { Sample } from '../sample.ts';
import { isObject, type JsonObject, otherColumns, type ReadResult, rowError, scalarToString } from './build.ts';
import { exchangeLimits, exchangeOf, field, idText, idValue } from './caption.ts';
import { metaClashes } from './limits.ts';
import { openMemberList, peekMemberList } from './member-list.ts';
import { questionTurns } from './question-turns.ts';

const QUESTION = ['question_id', 'question', 'image'];
const ANNOTATION = ['question_type', 'answer_type', 'answers'];
const COLUMNS = [...QUESTION, 'multiple_choice_answer', 'annotation', 'subtype'];

/**
 * VQAv2: a file of questions and, beside it, one of annotations, joined by `question_id`. The answer is
 * `multiple_choice_answer`; all ten stay in `meta.answers`. The image is `COCO_<data_subtype>_<image_id>.jpg` unless
 * the question has an `image`. Options: `annotations` (the second file; found by its name otherwise), `template` (the
 * image's path with `{id}` or `{id12}`, padded to 12 digits).
 * Source: visualqa.org/download, "Input Questions Format", "Annotation Format".
 */
export const vqa: Format = {
  name: 'vqa',
  order: 130,
  aliases: ['vqav2'],
  title: 'VQAv2 questions and annotations',
  container: 'own',
  extension: '.json',

  sniff(probe: Probe) {
    const [first] = peekMemberList(probe, 'questions');
    const fits = field(first, 'question_id') !== undefined && typeof field(first, 'question') === 'string';
    if (fits) return { confidence: 1, because: '"questions" with "question_id" and "question"' };
    return { confidence: 0, because: 'no "questions"' };
  },

  async openSource(probe, options, given, { cacheDir, signal }) {
    const [subtype] = probe.members.find(({ key }) => key === 'data_subtype')?.first ?? [];
    const fields = typeof subtype === 'string' ? { subtype } : {};
    const questions = withFields(openMemberList(probe, 'questions', given), fields);
    const path = annotationsOf(given, options);
    if (path === undefined) return { ...questions, says: 'no annotations beside it' };
    try {
      const { size, mtimeMs } = statSync(path);
      const joined = joinedSource(questions, await openAnnotations(path, cacheDir, signal), {
        key: (question) => idText(field(question, 'question_id')),
        name: (annotation) => idText(field(annotation, 'question_id')),
        as: 'annotation',
      });
      return { ...joined, identity: [path, size, mtimeMs], says: `answers from ${basename(path)}` };
    } catch (error) {
      questions.close();
      throw error;
    }
  },

  read(record: unknown, context: ReadContext): ReadResult {
    if (!isObject(record) || typeof record.question !== 'string')
      return rowError(context, 'RECORD_SHAPE', 'the question has no "question"');
    const path = imagePath(record, context.options);
    if (path === undefined) return rowError(context, 'RECORD_SHAPE', 'the question has no "image_id" or "image"');
    if (Array.isArray(record.annotation))
      return rowError(
        context,
        'RECORD_SHAPE',
        `${record.annotation.length} annotations answer this question otherwise`,
      );
    const annotation = isObject(record.annotation) ? record.annotation : {};
    const answer = chosen(annotation);
    const { answers, ...others } = otherColumns(annotation, ['question_id', 'image_id', 'multiple_choice_answer']);
    const meta = {
      ...otherColumns(record, record.image_id === path ? [...COLUMNS, 'image_id'] : COLUMNS),
      ...others,
      ...(answers === undefined || isOnly(answers, answer) ? {} : { answers }),
    };
    const id = idText(record.question_id) ?? `${context.file}#${context.row}`;
    const messages = questionTurns(record.question, answer);
    return { ok: true, sample: { id, messages, media: { images: [{ path }], videos: [] }, meta } };
  },

  write(sample: Sample) {
    const exchange = exchangeOf(sample);
    if (exchange?.question === undefined) return [];
    const { image, question, answer } = exchange;
    const { image_id = image, question_type, answer_type, answers, ...meta } = sample.meta;
    const question_id = idValue(sample.id);
    const asked = { image_id, question, question_id, image, ...meta };
    if (answer === undefined) return [asked];
    const annotation = {
      ...(question_type === undefined ? {} : { question_type }),
      multiple_choice_answer: answer,
      answers: answers ?? [{ answer, answer_confidence: 'yes', answer_id: 1 }],
      image_id,
      ...(answer_type === undefined ? {} : { answer_type }),
      question_id,
    };
    return [{ ...asked, annotation }];
  },

  cannotHold: (sample: Sample) => [
    ...exchangeLimits(sample, 'question'),
    ...metaClashes(sample.meta, COLUMNS),
    ...(sample.messages.length === 1
      ? ANNOTATION.filter((name) => name in sample.meta).map((name) => `column "${name}" of a question without answer`)
      : []),
  ],

  joiner: (main: string): Joiner => joinVqa(main),
};

/**
 * The annotations' file: as told, else by the names that the publishers and this writer use; undefined for a test
 * split.
 */
function annotationsOf(questions: string, options: Readonly<JsonObject>): string | undefined {
  if (typeof options.annotations === 'string') return resolve(options.annotations);
  return annotationNames(basename(questions))
    .map((name) => join(dirname(questions), name))
    .find((path) => existsSync(path));
}

export function annotationNames(questions: string): string[] {
  const renamed = questions.replace('questions', 'annotations');
  const names = [
    renamed,
    renamed.replace(/(OpenEnded|MultipleChoice)_/, ''),
    questions.replace(/(?=\.)/, '_annotations'),
  ];
  return [...new Set(names.filter((name) => name !== questions))];
}

async function openAnnotations(path: string, cacheDir?: string, signal?: AbortSignal): Promise<RecordSource> {
  const plain = await decompress(path, cacheDir, signal);
  try {
    const fd = openSync(plain.path, 'r');
    const { members } = scanMembers(fd, 0);
    closeSync(fd);
    return openMemberList({ path: plain.path, members }, 'annotations', path);
  } finally {
    if (plain.temporary) rmSync(plain.path, { force: true });
  }
}

/** Records with fields that stand once in their file. */
function withFields(source: RecordSource, fields: JsonObject): RecordSource {
  const add = (value: unknown): unknown => (isObject(value) ? { ...fields, ...value } : value);
  return {
    scan: (visit, signal) =>
      source.scan(
        (raw) => visit(raw.parsed.ok ? { ...raw, parsed: { ...raw.parsed, value: add(raw.parsed.value) } } : raw),
        signal,
      ),
    read: (spans) => source.read(spans).map(add),
    close: () => source.close(),
  };
}

function imagePath(question: JsonObject, options: Readonly<JsonObject>): string | undefined {
  if (typeof question.image === 'string' && question.image !== '') return question.image;
  const id = idText(question.image_id);
  if (id === undefined || id === '') return undefined;
  if (typeof options.template === 'string')
    return options.template.replaceAll('{id12}', id.padStart(12, '0')).replaceAll('{id}', id);
  return cocoPath(question.subtype, id);
}

/** The name that COCO's images have in the data set's 2014 and 2015 splits. */
function cocoPath(subtype: unknown, id: string): string {
  if (!/^\d+$/.test(id)) return id;
  return typeof subtype === 'string' ? `COCO_${subtype}_${id.padStart(12, '0')}.jpg` : `${id.padStart(12, '0')}.jpg`;
}

function chosen(annotation: JsonObject): string | undefined {
  const { multiple_choice_answer: told, answers } = annotation;
  if (typeof told === 'string') return told;
  const given = Array.isArray(answers) ? answers.map((item) => field(item, 'answer') ?? item) : [];
  const texts = given.filter((text) => typeof text === 'string');
  const times = (text: string): number => texts.filter((other) => other === text).length;
  // The most frequent one, the first of several.
  return texts.reduce<string | undefined>(
    (best, text) => (best === undefined || times(text) > times(best) ? text : best),
    undefined,
  );
}

function isOnly(answers: unknown, answer: string | undefined): boolean {
  return exactJson(answers) === JSON.stringify([{ answer, answer_confidence: 'yes', answer_id: 1 }]);
}

/**
 * Questions into the main file, annotations into the one beside it. `image` is left out where the image's id says it.
 */
function joinVqa(main: string): Joiner {
  const name = basename(main);
  let questions = 0;
  let annotations = 0;
  let subtype: string | undefined;
  return {
    beside: [annotationNames(name)[0] ?? 'annotations.json'],
    add(record) {
      const { annotation, ...question } = record as JsonObject;
      const { image, ...rest } = question;
      subtype ??= /^COCO_(\w+)_\d{12}\.jpg$/.exec(scalarToString(image))?.[1];
      const id = scalarToString(question.image_id);
      // A number alone says a path only in a file that says its subtype.
      const isSaid = image === cocoPath(subtype, id) && (subtype !== undefined || !/^\d+$/.test(id));
      const lead = (count: number, key: string): string => (count === 0 ? `{"${key}": [\n` : ',\n');
      const asked = `${lead(questions++, 'questions')}${exactJson(isSaid ? rest : question)}`;
      if (annotation === undefined) return [asked];
      return [asked, `${lead(annotations++, 'annotations')}${exactJson(annotation)}`];
    },
    end: () => [
      `${questions === 0 ? '{"questions": [' : '\n'}]${subtype === undefined ? '' : `,\n"data_subtype": "${subtype}"`}}\n`,
      `${annotations === 0 ? '{"annotations": [' : '\n'}]}\n`,
    ],
  };
}
