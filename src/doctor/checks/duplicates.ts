import { isTextOnly, responseOf } from '../../dataset/sample.ts';
import { closeUpOf } from '../media/close-up.ts';
import { type Inspected, type MediaCollection, mediaOf, pathOfMedium } from '../media/collect.ts';
import { type ImageTwin, imageTwins } from '../near-duplicates/near-duplicate-images.ts';
import { type TextTwin, textTwins } from '../near-duplicates/near-duplicate-texts.ts';
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

/** Exact and near twins of rows: media by content and look, text by its words. The later twin is named. */
export const duplicates: CheckGroup = {
  name: 'duplicates',
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
        await reportTwins(context, collection, inspected, texts);
      },
      fixes: {
        D007: (sample) => ({ drop: true, was: `a twin of an earlier row: ${identityOf(sample).slice(0, 120)}` }),
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

async function reportTwins(
  context: DoctorContext,
  collection: MediaCollection,
  { images }: Inspected,
  { keys, answers, isTextOnly: isText }: RowTexts,
): Promise<void> {
  const { dataset, signal } = context;
  const pictures = await imageTwins(
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
  const twins = await textTwins(keys, groups, read, context);
  twins.forEach((twin, index) => {
    if (twin === undefined || (isText[index] && keys.words(index) === 0)) return;
    const row = collection.rows[index]!;
    const isSameAnswer = isText[index]! || answers[index] === answers[twin.of];
    const seen = describe(collection, pictures, isText[index]!, index, twin);
    const detail = isSameAnswer ? seen : `${seen}, with another answer`;
    // Several answers to one question may be meant, as captions are; a text is compared with its answer.
    const fixable = isSameAnswer;
    context.report({ code: 'D007', row, id: collection.idOf(row), detail, fixable });
  });
}

/** Each medium's first of its kind, along the chain of twins. */
function classesOf(twins: readonly (ImageTwin | undefined)[], count: number): number[] {
  const classes: number[] = [];
  for (let number = 0; number < count; number++) {
    const twin = twins[number];
    classes[number] = twin === undefined ? number : classes[twin.of]!;
  }
  return classes;
}

const LOOKS: Record<ImageTwin['likeness'], string> = {
  bytes: 'the same file under another name',
  pixels: 'the same pixels in another file',
  near: 'nearly the same picture',
};

function describe(
  collection: MediaCollection,
  pictures: readonly (ImageTwin | undefined)[],
  isText: boolean,
  index: number,
  { of, likeness }: TextTwin,
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
