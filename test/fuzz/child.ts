import fs from 'node:fs';
import path from 'node:path';
import { WinnowError } from '../../src/base/errors.ts';
import { resolveMedia } from '../../src/dataset/media/media.ts';
import { openDataset } from '../../src/dataset/open/open.ts';
import { decodeImage } from '../../src/models/processing/decode.ts';
import { createRandom } from '../../src/numeric/philox.ts';
import { mutate } from './mutate.ts';

/**
 * One batch of damaged files, in a process of its own, so that a crash of a native library is seen. Prints a line
 * before each case (`> 17 a.png`) and its verdict after it: `< fine`, `< told CODE`, or `< WRONG what`. Arguments:
 * folder of good files, seed, first case, one past the last.
 */
const [folder, seed, first, last] = process.argv.slice(2) as [string, string, string, string];
const seeds = fs
  .readdirSync(folder)
  .filter((name) => name !== 'README.md')
  .sort();
const IMAGE = /\.(jpg|png|webp|gif|tiff)$/;
const family = (name: string): string => (IMAGE.test(name) ? 'image' : path.extname(name));
const work = fs.mkdtempSync(path.join(process.env.TMPDIR ?? '/tmp', 'winnow-fuzz-'));

try {
  for (let at = Number(first); at < Number(last); at++) {
    const random = createRandom(Number(seed), `fuzz/${at}`);
    const name = seeds[at % seeds.length]!;
    const relatives = seeds.filter((other) => family(other) === family(name));
    const other = fs.readFileSync(path.join(folder, relatives[random.below(relatives.length)]!));
    const { bytes, how } = mutate(fs.readFileSync(path.join(folder, name)), other, random);
    const file = path.join(work, name);
    fs.writeFileSync(file, bytes);
    fs.writeSync(1, `> ${at} ${name} (${how})\n`);
    const began = performance.now();
    let verdict: string;
    try {
      verdict = IMAGE.test(name) ? await readImage(file) : await readRows(file);
    } catch (error) {
      verdict = judge(error, file);
    }
    const seconds = (performance.now() - began) / 1000;
    if (seconds > 10) verdict = `WRONG took ${seconds.toFixed(1)} s`;
    fs.writeSync(1, `< ${verdict}\n`);
    fs.rmSync(file);
  }
} finally {
  fs.rmSync(work, { recursive: true, force: true });
}
fs.writeSync(1, `peak ${Math.round(process.resourceUsage().maxRSS / 1024)}\n`);

async function readImage(file: string): Promise<string> {
  await decodeImage(file);
  return 'fine';
}

/** Index all rows, read all samples, and decode the images that stand in the file itself. */
async function readRows(file: string): Promise<string> {
  const dataset = await openDataset(file);
  try {
    for (const { row, reason } of dataset.quarantined) {
      if (!Number.isInteger(row) || !/byte \d+|row \d+/.test(reason))
        return `WRONG a row set aside without its place: ${reason}`;
    }
    let samples = 0;
    for await (const batch of dataset.batches()) {
      for (const sample of batch.samples) {
        if (sample === null) continue;
        samples++;
        for (const image of sample.media.images) await readMedium(dataset, image);
      }
    }
    if (samples + dataset.quarantined.length !== dataset.rows) return 'WRONG a row was lost without a word';
    return dataset.quarantined.length > 0 ? `told ${dataset.quarantined[0]!.code}` : 'fine';
  } finally {
    await dataset.close();
  }
}

async function readMedium(
  scope: Parameters<typeof resolveMedia>[0],
  ref: Parameters<typeof resolveMedia>[1],
): Promise<void> {
  try {
    const medium = resolveMedia(scope, ref);
    await decodeImage(medium.kind === 'data' ? medium.bytes : medium.path);
  } catch (error) {
    if (!(error instanceof WinnowError)) throw error;
  }
}

/**
 * A refusal is right when it says which file, what, and what to do. Anything else that was thrown is a fault of ours.
 */
function judge(error: unknown, file: string): string {
  if (!(error instanceof WinnowError)) return `WRONG ${(error as Error).stack ?? error}`.replaceAll('\n', ' | ');
  const { code, where, hint } = error;
  if (where.file !== file) return `WRONG ${code} names the file ${where.file}`;
  if (hint === undefined) return `WRONG ${code} says not what to do`;
  return `told ${code}${where.offset === undefined && where.row === undefined ? '' : ' with its place'}`;
}
