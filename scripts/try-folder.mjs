#!/usr/bin/env node
// Takes every data set below a folder through import, the doctor, and conversion to every format and back:
//   node scripts/setup.mjs build && node scripts/try-folder.mjs FOLDER [--only NAME] [--formats llava,trl] [--json]
// A row that comes back otherwise than it went, without that the format said so first, is a fault; so is anything that
// ends without words. What is no data set is listed with the reason. Exit status 1 where there is a fault.
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { resolveMedia } from '../dist/dataset/media/media.js';
import { convertDataset, doctor, formats, importDataset, openDataset, WinnowError } from '../dist/index.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' }, formats: { type: 'string' }, json: { type: 'boolean', default: false } },
});
if (positionals.length !== 1) {
  process.stderr.write('usage: node scripts/try-folder.mjs FOLDER [--only NAME] [--formats llava,trl] [--json]\n');
  process.exit(2);
}
const root = path.resolve(positionals[0]);
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'winnow-try-'));
/** They hold one only when asked. */
const WITHOUT_IDS = ['openai', 'swift', 'axolotl', 'qwen-vl'];
const wanted = values.formats?.split(',') ?? formats.map(({ name }) => name);

/** Files and folders that may be data sets: every file of data, and every folder of images. */
function* candidates(folder) {
  const entries = fs.readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  const images = entries.filter((entry) => entry.isFile() && /\.(jpe?g|png|webp)$/i.test(entry.name));
  if (images.length > 0) yield folder;
  for (const entry of entries) {
    const full = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* candidates(full);
    else if (/\.(json|jsonl|parquet|tar|csv)(\.(gz|zst))?$/i.test(entry.name)) yield full;
  }
}

const digests = new Map();

/** SHA-256 of a medium, or why there is none. */
function digest(dataset, ref) {
  const key = `${dataset.path} ${dataset.embedded ?? ''} ${ref.path}`;
  if (!digests.has(key)) {
    let found;
    try {
      const media = resolveMedia(dataset, ref);
      const bytes = media.kind === 'data' ? media.bytes : fs.readFileSync(media.path);
      found = crypto.createHash('sha256').update(bytes).digest('hex');
    } catch (error) {
      found = error instanceof WinnowError ? error.code : String(error);
    }
    digests.set(key, found);
  }
  return digests.get(key);
}

/** What a row says, by the content of its media: their paths may change on the way, and ids made of the file's name. */
function meaning(dataset, { id, messages, media, meta }) {
  const sorted = Object.entries(meta).sort(([a], [b]) => (a < b ? -1 : 1));
  const contents = ['images', 'videos'].map((kind) => media[kind].map((ref) => digest(dataset, ref)));
  return JSON.stringify([/#\d+$/.test(id) ? null : id, messages, contents, sorted]);
}

function countsOf(lost) {
  return Object.fromEntries(lost.map(({ what, count }) => [what, count]));
}

/** To a format and back: what it could not hold, or `same`, or the first row that differs. */
async function roundTrip(original, input, format, folder) {
  const {
    lost,
    files,
    rows: count,
  } = await convertDataset({
    input,
    output: path.join(folder, format),
    to: format,
    media: 'copy',
    lossy: true,
    options: WITHOUT_IDS.includes(format) ? { ids: true } : {},
  });
  if (count === 0) return { lost: countsOf(lost), rows: 0 };
  const isWhole = lost.every(({ what }) => what === 'file that is not there');
  const written = ['parquet', 'webdataset', 'folder'].includes(format) ? path.join(folder, format) : files[0];
  const back = await openDataset(written, { format });
  try {
    if (!isWhole) return { lost: countsOf(lost), rows: back.rows };
    const kept = original.ids.flatMap((_, row) => ((original.rowFlags[row] & 1) === 0 ? [row] : []));
    if (back.rows !== kept.length) return { fault: `${back.rows} rows of ${kept.length} came back` };
    for (let start = 0; start < kept.length; start += 512) {
      const rows = kept.slice(start, start + 512);
      const [went, came] = [await original.get(rows), await back.get(rows.map((_, i) => start + i))];
      const differs = rows.findIndex(
        (_, i) => came[i] === null || meaning(original, went[i]) !== meaning(back, came[i]),
      );
      if (differs >= 0) return { fault: `row ${rows[differs]} (${went[differs].id}) came back as another` };
    }
    return { same: true };
  } finally {
    await back.close();
  }
}

/** Everything about one candidate; undefined where it is no data set. */
async function tryOne(input) {
  const project = path.join(work, 'project');
  const imported = await importDataset(project, { path: input, name: 'data' });
  const about = { format: imported.format, rows: imported.rows, quarantined: imported.quarantined.length };
  const { findings } = await doctor(null, { path: input });
  const found = Object.fromEntries(findings.map(({ code, count }) => [code, count]));
  const original = await openDataset(input);
  const trips = {};
  try {
    for (const format of wanted) {
      const folder = fs.mkdtempSync(path.join(work, 'trip-'));
      trips[format] = await roundTrip(original, input, format, folder).catch(inWords);
      fs.rmSync(folder, { recursive: true, force: true });
    }
  } finally {
    await original.close();
    fs.rmSync(project, { recursive: true, force: true });
  }
  return { ...about, doctor: found, trips };
}

/** A refusal in words is an answer (no row fits this format); anything else is a fault. */
function inWords(error) {
  if (!(error instanceof WinnowError)) return { fault: String(error?.stack ?? error) };
  return { refused: `${error.code}: ${error.message.slice(0, 160)}` };
}

const results = {};
let faults = 0;
try {
  for (const input of candidates(root)) {
    const name = path.relative(root, input) || '.';
    if (values.only !== undefined && !name.includes(values.only)) continue;
    const result = await tryOne(input).catch(inWords);
    results[name] = result;
    digests.clear();
    const bad = [result, ...Object.values(result.trips ?? {})].filter(({ fault }) => fault !== undefined);
    faults += bad.length;
    if (!values.json) print(name, result);
  }
} finally {
  fs.rmSync(work, { recursive: true, force: true });
}
if (values.json) console.log(JSON.stringify(results, null, 1));
else console.log(`\n${Object.keys(results).length} candidates, ${faults} faults`);
process.exitCode = faults === 0 ? 0 : 1;

function print(name, result) {
  if (result.trips === undefined) {
    console.log(`${name}: ${result.fault ?? `no data set (${result.refused})`}`);
    return;
  }
  const found = Object.entries(result.doctor).map(([code, count]) => `${code} ${count}`);
  console.log(`${name}: ${result.rows} rows as ${result.format}, ${result.quarantined} set aside`);
  console.log(`  doctor: ${found.join(', ') || 'nothing'}`);
  const of = (test) => Object.entries(result.trips).filter(([, trip]) => test(trip));
  const same = of((trip) => trip.same).map(([format]) => format);
  if (same.length > 0) console.log(`  there and back the same: ${same.join(', ')}`);
  for (const [format, trip] of of((trip) => !trip.same)) {
    const lost = Object.entries(trip.lost ?? {}).map(([what, count]) => `${what} (${count})`);
    console.log(
      `  ${format}: ${trip.fault === undefined ? (trip.refused ?? `can't hold ${lost.join(', ')}`) : `FAULT ${trip.fault}`}`,
    );
  }
}
