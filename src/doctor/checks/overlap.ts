import type { Dataset } from '../../dataset/dataset.ts';
import { closeUpOf } from '../media/close-up.ts';
import { collectMedia, type MediaCollection, mediaOf, pathOfMedium } from '../media/collect.ts';
import { bandBuckets } from '../near-duplicates/bands.ts';
import { imagePool, type Likeness } from '../near-duplicates/near-duplicate-images.ts';
import { areNear, mayBeNear } from '../near-duplicates/near-duplicate-texts.ts';
import { questionOf } from '../near-duplicates/row-texts.ts';
import { shinglesOf } from '../near-duplicates/shingles.ts';
import { type TextKeys, textKeys } from '../near-duplicates/text-keys.ts';
import type { Check, CheckGroup, DoctorContext } from './check.ts';

const OVERLAP: Check = {
  code: 'D009',
  severity: 'warn',
  title: 'a picture or a question of the benchmark',
  why: 'The benchmark then measures what was learnt by heart.',
  advice: 'Drop these rows before training, or say that the benchmark is contaminated.',
  fix: 'drop the row',
  needs: 'against',
};

/**
 * What training data shares with benchmarks: pictures by content and look, questions by their words. Named by
 * `--against`.
 */
export const overlap: CheckGroup = {
  name: 'overlap',
  order: 120,
  checks: [OVERLAP],
  open(context) {
    const collection = mediaOf(context);
    const questions = textKeys();
    return {
      visit(row) {
        collection.add(row);
        if (row.sample !== null) questions.add(questionOf(row.sample));
      },
      async finish() {
        for (const benchmark of context.against) {
          const theirs = await readBenchmark(benchmark);
          await reportPictures(context, collection, theirs);
          await reportQuestions(context, collection, questions, theirs);
        }
      },
      fixes: { D009: (sample) => ({ drop: true, was: `in a benchmark: ${questionOf(sample).slice(0, 120)}` }) },
    };
  },
};

interface Benchmark {
  dataset: Dataset;
  name: string;
  media: MediaCollection;
  questions: TextKeys;
}

async function readBenchmark(dataset: Dataset): Promise<Benchmark> {
  const media = collectMedia(dataset);
  const questions = textKeys();
  await dataset.scan((row) => {
    media.add(row);
    if (row.sample !== null) questions.add(questionOf(row.sample));
  });
  return { dataset, name: dataset.name, media, questions };
}

const LOOKS: Record<Likeness, string> = { bytes: 'same file', pixels: 'same pixels', near: 'nearly the same picture' };

async function reportPictures(context: DoctorContext, ours: MediaCollection, theirs: Benchmark): Promise<void> {
  const mine = await ours.inspect(context);
  const inspected = await theirs.media.inspect(context);
  const lookAgain = (dataset: Dataset, media: MediaCollection) => (number: number) =>
    closeUpOf(dataset, () => pathOfMedium(dataset, media.media[number]!));
  const pool = imagePool(inspected.images, lookAgain(theirs.dataset, theirs.media));
  const closeUp = lookAgain(context.dataset, ours);
  const details: (string | undefined)[] = [];
  for (const [number, facts] of mine.images.entries()) {
    context.signal?.throwIfAborted();
    if (facts === undefined) continue;
    const duplicate = await pool.duplicateOf(facts, closeUp(number));
    if (duplicate === undefined) continue;
    const { row } = theirs.media.media[duplicate.of]!;
    details[number] = `picture of ${theirs.name}, row ${row} (${theirs.media.idOf(row)}; ${LOOKS[duplicate.likeness]})`;
  }
  ours.rows.forEach((row, index) => {
    for (const number of ours.mediaOf(index)) {
      const detail = details[number];
      if (detail === undefined) continue;
      // A picture in training and in the test set is a duplicate too, of another file.
      for (const code of ['D007', OVERLAP.code]) context.report({ code, row, id: ours.idOf(row), detail });
    }
  });
}

/** A shorter question is anybody's. */
const LEAST_WORDS = 4;
/** A question asked more often than this, in the benchmark or in a hundred rows of the data, is a stock prompt. */
const MOST_IN_BENCHMARK = 2;
const MOST_IN_HUNDRED = 1;

async function reportQuestions(
  context: DoctorContext,
  ours: MediaCollection,
  questions: TextKeys,
  { dataset, name, media, questions: theirs }: Benchmark,
): Promise<void> {
  const mostOurs = Math.max(MOST_IN_BENCHMARK, (MOST_IN_HUNDRED * questions.count) / 100);
  const [asked, known] = [distinctive(questions, mostOurs), distinctive(theirs, MOST_IN_BENCHMARK)];
  const same = new Map(known.toReversed().map((number) => [theirs.exact(number), number]));
  // The benchmark's questions stand first: what is found for one of ours are those before it.
  const near = bandBuckets(known.length + asked.length, (item, band) =>
    item < known.length ? theirs.band(known[item]!, band) : questions.band(asked[item - known.length]!, band),
  );
  for (const [at, index] of asked.entries()) {
    context.signal?.throwIfAborted();
    const row = ours.rows[index]!;
    const candidates = near(known.length + at)
      .filter((item) => item < known.length)
      .map((item) => known[item]!)
      .filter((number) => questions.shingles(index) > 0 && mayBeNear(questions, index, theirs, number));
    const of = same.get(questions.exact(index));
    const found = of ?? (await nearest(context.dataset, row, dataset, media, candidates));
    if (found === undefined) continue;
    const there = media.rows[found]!;
    const how = of === undefined ? 'nearly the same' : 'same';
    const detail = `${how} question as ${name}, row ${there} (${media.idOf(there)})`;
    context.report({ code: OVERLAP.code, row, id: ours.idOf(row), detail });
  }
}

async function nearest(
  ours: Dataset,
  row: number,
  theirs: Dataset,
  media: MediaCollection,
  candidates: readonly number[],
): Promise<number | undefined> {
  if (candidates.length === 0) return undefined;
  const [mine] = await ours.get([row]);
  if (mine === null || mine === undefined) return undefined;
  const question = shinglesOf(questionOf(mine));
  const samples = await theirs.get(candidates.map((number) => media.rows[number]!));
  return candidates.find((_, i) => {
    const sample = samples[i];
    return sample !== null && sample !== undefined && areNear(question, shinglesOf(questionOf(sample)));
  });
}

/** Numbers of the questions that are long enough and asked `most` times at most. */
function distinctive(keys: TextKeys, most: number): number[] {
  const counts = new Map<string, number>();
  const all = Array.from({ length: keys.count }, (_, number) => number);
  for (const number of all) counts.set(keys.exact(number), (counts.get(keys.exact(number)) ?? 0) + 1);
  return all.filter((number) => keys.words(number) >= LEAST_WORDS && counts.get(keys.exact(number))! <= most);
}
