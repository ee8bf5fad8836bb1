import { isTextOnly, responseOf } from '../../dataset/sample.ts';
import { closeUpOf } from '../media/close-up.ts';
import { type Inspected, type MediaCollection, mediaOf, pathOfMedium } from '../media/collect.ts';
import { type ImageDuplicate, nearDuplicateImages } from '../near-duplicates/near-duplicate-images.ts';
import { nearDuplicateTexts, type TextDuplicate } from '../near-duplicates/near-duplicate-texts.ts';
import { identityOf } from '../near-duplicates/row-texts.ts';
import { exactKey, type TextKeys, textKeys } from '../near-duplicates/text-keys.ts';
import type { Check, CheckGroup, DoctorContext } from './check.ts';

const DUPLICATE: Check = {
  code: 'D007',
  severity: 'warn',
  title: 'the same row again: the same pictures with the same question, or the same text',
  why: 'What stands twice weighs twice, and a copy in the test set measures memory.',
  advice: 'Keep the first of each; --against finds copies of a benchmark.',
  fix: 'drop the later one',
};

/** Exact and near duplicates of rows: media by content and look, text by its words. The later duplicate is named. */
export const duplicates: CheckGroup = {
  name: 'duplicates',
  order: 110,
  checks: [DUPLICATE],
  open(context) {
    const collection = mediaOf(context);
    const texts: RowTexts = { keys: textKeys(), answers: [], isTextOnly: [] };
    return {
      visit(row) {
        collection.add(row);
        if (row.sample === null) return;
        const answer = responseOf(row.sample);
        texts.keys.add(identityOf(row.sample));
        texts.answers.push(answer === '' ? '' : exactKey(answer.slice(0, 4096)));
        texts.isTextOnly.push(isTextOnly(row.sample));
      },
      async finish() {
        const inspected = await collection.inspect(context);
        await reportDuplicates(context, collection, inspected, texts);
      },
      fixes: {
        D007: (sample) => ({ drop: true, was: `a duplicate of an earlier row: ${identityOf(sample).slice(0, 120)}` }),
      },
    };
  },
};

/** Texts of the rows that have a sample, in order. */
interface RowTexts {
  keys: TextKeys;
  /** Hash of the answers. */
  answers: string[];
  isTextOnly: boolean[];
}

async function reportDuplicates(
  context: DoctorContext,
  collection: MediaCollection,
  { images }: Inspected,
  { keys, answers, isTextOnly: isText }: RowTexts,
): Promise<void> {
  const { dataset, signal } = context;
  const pictures = await nearDuplicateImages(
    images,
    (number) => closeUpOf(dataset, () => pathOfMedium(dataset, collection.media[number]!)),
    signal,
  );
  const classes = classesOf(pictures, collection.media.length);
  const groups = isText.map((isAlone, index) => {
    const shown = collection.mediaOf(index).map((number) => classes[number]);
    return isAlone ? 'text' : shown.join(' ');
  });
  const read = async (indices: readonly number[]) => {
    const samples = await dataset.get(indices.map((index) => collection.rows[index]!));
    return samples.map((sample) => (sample === null ? null : identityOf(sample)));
  };
  const duplicates = await nearDuplicateTexts(keys, groups, read, context);
  duplicates.forEach((duplicate, index) => {
    if (duplicate === undefined || (isText[index] && keys.words(index) === 0)) return;
    const row = collection.rows[index]!;
    const isSameAnswer = isText[index]! || answers[index] === answers[duplicate.of];
    const description = describe(collection, pictures, isText[index]!, index, duplicate);
    const detail = isSameAnswer ? description : `${description}, with another answer`;
    // Several answers to one question may be meant, as captions are; a text is compared with its answer.
    const fixable = isSameAnswer;
    context.report({ code: 'D007', row, id: collection.idOf(row), detail, fixable });
  });
}

/** Each medium's first of its kind, along the chain of duplicates. */
function classesOf(duplicates: readonly (ImageDuplicate | undefined)[], count: number): number[] {
  const classes: number[] = [];
  for (let number = 0; number < count; number++) {
    const duplicate = duplicates[number];
    classes[number] = duplicate === undefined ? number : classes[duplicate.of]!;
  }
  return classes;
}

const LOOKS: Record<ImageDuplicate['likeness'], string> = {
  bytes: 'the same file under another name',
  pixels: 'the same pixels in another file',
  near: 'nearly the same picture',
};

function describe(
  collection: MediaCollection,
  pictures: readonly (ImageDuplicate | undefined)[],
  isText: boolean,
  index: number,
  { of, likeness }: TextDuplicate,
): string {
  const words = likeness === 'same' ? 'the same' : 'nearly the same';
  const earlier = `as in row ${collection.rows[of]} (${collection.idOf(collection.rows[of]!)})`;
  if (isText) return `${words} text ${earlier}`;
  const [mine, theirs] = [collection.mediaOf(index), collection.mediaOf(of)];
  const looks = mine.flatMap((number, place) => {
    if (number === theirs[place]) return [];
    return [LOOKS[pictures[number]?.likeness ?? pictures[theirs[place]!]?.likeness ?? 'near']];
  });
  const shown = looks.length === 0 ? 'the same image' : [...new Set(looks)].join(', ');
  return `${shown} and ${words} question ${earlier}`;
}
