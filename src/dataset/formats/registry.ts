// Written by scripts/write-registries.mjs from the files of this folder. Do not edit.
import type { Format } from '../format.ts';
import { alpaca } from './alpaca.ts';
import { axolotl } from './axolotl.ts';
import { coco } from './coco.ts';
import { foci } from './foci.ts';
import { folder } from './folder.ts';
import { gqa } from './gqa.ts';
import { llava } from './llava.ts';
import { neutral } from './neutral.ts';
import { openai } from './openai.ts';
import { parquet } from './parquet.ts';
import { questions } from './questions.ts';
import { qwenVl } from './qwen-vl.ts';
import { sharegpt } from './sharegpt.ts';
import { swift } from './swift.ts';
import { trl } from './trl.ts';
import { vqa } from './vqa.ts';
import { webdataset } from './webdataset.ts';

/** Every format. Detection asks all; where two are equally sure, the earlier one wins. */
export const formats: readonly Format[] = [
  llava,
  sharegpt,
  alpaca,
  trl,
  openai,
  swift,
  axolotl,
  qwenVl,
  neutral,
  parquet,
  webdataset,
  coco,
  vqa,
  gqa,
  questions,
  foci,
  folder,
];
