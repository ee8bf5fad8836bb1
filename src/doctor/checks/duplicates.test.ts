import { copyFileSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../numeric/philox.ts';
import { doctor } from '../doctor.ts';
import type { CheckFinding } from '../findings.ts';

const root = mkdtempSync(join(tmpdir(), 'winnow-duplicates-'));
const data = join(root, 'data.json');
const bench = join(root, 'bench.json');

function scene(seed: number) {
  const random = createRandom(seed, 'scene');
  const pixels = Uint8Array.from({ length: 8 * 6 * 3 }, () => random.below(256));
  return sharp(pixels, { raw: { width: 8, height: 6, channels: 3 } }).resize(320, 240, { fit: 'fill' });
}

function row(id: string, image: string | null, question: string, answer: string) {
  const human = image === null ? question : `<image>\n${question}`;
  const conversations = [
    { from: 'human', value: human },
    { from: 'gpt', value: answer },
  ];
  return image === null ? { id, conversations } : { id, image, conversations };
}

const WHAT = 'What is shown in this picture?';
const LONG =
  'Describe in two full sentences what the person on the left is doing, which clothes he wears, and whether anybody else looks at him while the dog waits near the door.';

beforeAll(async () => {
  for (let i = 0; i < 9; i++)
    await scene(i)
      .jpeg({ quality: 92 })
      .toFile(join(root, `p${i}.jpg`));
  copyFileSync(join(root, 'p1.jpg'), join(root, 'copy.jpg'));
  await sharp(join(root, 'p2.jpg')).png().toFile(join(root, 'pixels.png'));
  await sharp(join(root, 'p3.jpg')).resize(200).webp({ quality: 60 }).toFile(join(root, 'small.webp'));
  await sharp(join(root, 'p4.jpg')).jpeg().withMetadata({ orientation: 6 }).toFile(join(root, 'tagged.jpg'));
  await sharp(join(root, 'p5.jpg')).flop().jpeg().toFile(join(root, 'mirrored.jpg'));
  await sharp(join(root, 'p7.jpg')).resize(150).png().toFile(join(root, 'theirs.png'));
  const rows = [
    ...[0, 1, 2, 3, 4, 5, 6, 7].map((i) => row(`p${i}`, `p${i}.jpg`, WHAT, `Thing ${i}.`)),
    row('again', 'p0.jpg', 'what is shown  in this picture', 'Thing 0.'),
    row('copied', 'copy.jpg', WHAT, 'Thing 1.'),
    row('pixels', 'pixels.png', WHAT, 'Thing 2.'),
    row('small', 'small.webp', WHAT, 'Something else.'),
    row('turned', 'tagged.jpg', WHAT, 'Thing 4.'),
    row('mirrored', 'mirrored.jpg', WHAT, 'Thing 5.'),
    row('other question', 'p0.jpg', 'How many legs does it have?', 'Four.'),
    row('copy, other question', 'copy.jpg', 'Who painted this?', 'Nobody.'),
    row('long', 'p6.jpg', LONG, 'x'),
    row('long again', 'p6.jpg', LONG.replace('full ', ''), 'x'),
    row('long on another', 'p7.jpg', LONG, 'x'),
    row('joke', null, 'Tell me a joke', 'A man walks into a bar and says ouch.'),
    row('other joke', null, 'Tell me a joke', 'Why did the hen cross the road?'),
    row('joke again', null, 'tell me a joke!', 'A man walks into a bar and says "ouch".'),
  ];
  writeFileSync(data, JSON.stringify(rows));
  const theirs = [
    row('b0', 'theirs.png', 'Which bird sits on the fence?', 'A crow.'),
    row('b1', 'p8.jpg', 'How many legs does it have?', 'Two.'),
    row('b2', 'p8.jpg', 'Why?', 'So.'),
  ];
  writeFileSync(bench, JSON.stringify(theirs));
});

const details = (finding: CheckFinding | undefined): Record<string, string> =>
  Object.fromEntries(finding?.sample_ids.map((id, i) => [id, finding.details[i]!]) ?? []);

describe('duplicates', () => {
  it('names the later duplicate, and no row that shares a picture or a text alone', async () => {
    const { findings } = await doctor(null, { path: data, only: ['D007'] });
    expect(details(findings[0])).toEqual({
      again: 'the same image and the same question as in row 0 (p0)',
      copied: 'the same file under another name and the same question as in row 1 (p1)',
      pixels: 'the same pixels in another file and the same question as in row 2 (p2)',
      small: 'nearly the same picture and the same question as in row 3 (p3), with another answer',
      'long again': 'the same image and nearly the same question as in row 16 (long)',
      'joke again': 'the same text as in row 19 (joke)',
    });
  });

  it('drops the later duplicates, and keeps another answer to the same question', async () => {
    const { fixed } = await doctor(null, { path: data, only: ['D007'], fix: true, out: join(root, 'fixed') });
    expect(fixed!.dropped).toEqual({ D007: 5 });
    const again = await doctor(null, { path: fixed!.path, only: ['D007'] });
    expect(again.findings[0]!.sample_ids).toEqual(['small']);
  });
});

describe('overlap with a benchmark', () => {
  it('is found by picture and by question, and not asked for without one', async () => {
    const { findings } = await doctor(null, { path: data, only: ['D009'], against: [bench] });
    expect(details(findings[0])).toEqual({
      p7: 'picture of bench, row 0 (b0; nearly the same picture)',
      'long on another': 'picture of bench, row 0 (b0; nearly the same picture)',
      'other question': 'same question as bench, row 1 (b1)',
    });
    const alone = await doctor(null, { path: data, only: ['D009'] });
    expect(alone.notRun.map(({ code }) => code)).toEqual(['D009']);
  });
});
