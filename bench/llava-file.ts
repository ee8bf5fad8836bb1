import { closeSync, existsSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { createRandom, type Random } from '../src/numeric/philox.ts';

/** Rows of LLaVA-v1.5's mixture; its file has 1.03 GB. */
export const LLAVA_ROWS = 665_298;

const NOUNS =
  'kite bench child dog umbrella street window plate horse boat tower sign bicycle train table flower shirt clock mirror river'.split(
    ' ',
  );
const LOOKS = 'red small wooden striped distant bright broken crowded quiet tall round yellow wet old shiny'.split(' ');
const PLACES = [
  'on the left',
  'behind the fence',
  'near the water',
  'in the middle',
  'under a tree',
  'at the edge of the picture',
];
const PROMPTS = [
  'Answer the question using a single word or phrase.',
  "Answer with the option's letter from the given choices directly.",
  'Provide a one-sentence caption for the provided image.',
  'Please provide the bounding box coordinate of the region this sentence describes.',
];
const SOURCES: readonly (readonly [share: number, folder: string | undefined])[] = [
  [0.55, 'coco/train2017'],
  [0.66, 'gqa/images'],
  [0.78, 'ocr_vqa/images'],
  [0.81, 'textvqa/train_images'],
  [0.94, 'vg/VG_100K'],
  [1, undefined],
];

/**
 * Write a file shaped like LLaVA's mixture of 665,000 rows: one JSON array, indented by two; ids, images of five
 * sources, a twentieth text only, 2 to 16 turns, long and short answers, 1.5 KB a row on average; `short`: one question
 * with a word for an answer. The same file for the same number of rows.
 */
export function makeLlavaFile(path: string, rows = LLAVA_ROWS, kind: 'mixed' | 'short' = 'mixed'): number {
  if (existsSync(path)) return statSync(path).size;
  mkdirSync(dirname(path), { recursive: true });
  const random = createRandom(42, 'bench/llava-file');
  const file = openSync(`${path}.part`, 'w');
  let text: string[] = ['['];
  for (let row = 0; row < rows; row++) {
    const json = ascii(JSON.stringify(recordOf(row, random, kind === 'short'), null, 2)).replaceAll('\n', '\n  ');
    text.push(`${row === 0 ? '' : ','}\n  ${json}`);
    if (row % 4096 === 4095) {
      writeSync(file, text.join(''));
      text = [];
    }
  }
  writeSync(file, `${text.join('')}\n]\n`);
  closeSync(file);
  renameSync(`${path}.part`, path);
  return statSync(path).size;
}

function recordOf(row: number, random: Random, isBrief: boolean): object {
  const drawn = random.uniform();
  const folder = SOURCES.find(([share]) => drawn < share)![1];
  const id = String(row).padStart(12, '0');
  const media = folder === undefined ? {} : { image: `${folder}/${id}.jpg` };
  const isShort = isBrief || random.uniform() < 0.6;
  const rounds = isBrief ? 1 : 1 + random.below(isShort ? 8 : 4);
  const conversations: object[] = [];
  for (let round = 0; round < rounds; round++) {
    const asked = `${sentence(random)}?${isShort ? `\n${PROMPTS[random.below(PROMPTS.length)]}` : ''}`;
    const tag = round === 0 && folder !== undefined ? '<image>\n' : '';
    const lead = row % 50 === 0 ? `${tag}Caf\u00e9: ` : tag;
    conversations.push({ from: 'human', value: lead + asked });
    const sentences = folder === undefined ? 12 : isShort ? 0 : 1 + random.below(6);
    const answer = Array.from({ length: sentences }, () => `${sentence(random)}.`).join(' ');
    conversations.push({ from: 'gpt', value: answer === '' ? NOUNS[random.below(NOUNS.length)] : answer });
  }
  return { id, ...media, conversations };
}

/** As Python writes JSON. */
function ascii(json: string): string {
  return json.replace(/[^\x20-\x7e\n]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function sentence(random: Random): string {
  const pick = (words: readonly string[]): string => words[random.below(words.length)]!;
  return `The ${pick(LOOKS)} ${pick(NOUNS)} ${pick(PLACES)} is beside a ${pick(LOOKS)} "${pick(NOUNS)}" that the ${pick(NOUNS)} has`;
}
