/**
 * VisNec's two losses a sample, ours against the plain way (bench/vlm_loss_peer.py), same weights, same machine, runs
 * in turn: one and five questions an image, from prepared inputs and from files. Prints machine, versions, median and
 * range.
 *
 *     node scripts/bench.mjs vlm-loss [--model FOLDER] [--samples 512] [--pairs 5] [--ours-only]
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { openDataset } from '../src/dataset/open/open.ts';
import type { Sample } from '../src/dataset/sample.ts';
import { decodeImage } from '../src/models/processing/decode.ts';
import { loadVlmProcessor } from '../src/models/processing/processor.ts';
import type { ProcessedImage } from '../src/models/processing/types.ts';
import { createFeatureStore } from '../src/models/vlm/features.ts';
import { loadVlm } from '../src/models/vlm/load.ts';
import { openRuntime } from '../src/models/vlm/runtime.ts';
import { type ScoreRow, scoreRows } from '../src/models/vlm/score.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'models/micro-vlm' },
    samples: { type: 'string', default: '512' },
    pairs: { type: 'string', default: '5' },
    threads: { type: 'string', default: String(Math.min(2, availableParallelism())) },
    'ours-only': { type: 'boolean', default: false },
  },
});
const OUT = resolve('bench/out/vlm-loss');
const PEER = resolve('bench/vlm_loss_peer.py');
const PYTHON = process.env.WINNOW_PYTHON ?? resolve('worker/.venv/bin/python');
const folder = resolve(values.model);
const threads = Number(values.threads);

interface Timed {
  seconds: number;
  losses: number[][];
}

/** The peer as a process that answers requests, so that its start is not timed. */
function startPeer(): { ask(request: object): Promise<Timed>; versions: Promise<object>; stop(): void } {
  const child = spawn(PYTHON, [PEER, 'serve', folder, String(threads)], { stdio: ['pipe', 'pipe', 'ignore'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async <T>(): Promise<T> => JSON.parse((await lines.next()).value) as T;
  return {
    versions: next<object>(),
    ask: (request) => {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      return next<Timed>();
    },
    stop: () => child.stdin.end(),
  };
}

async function python(...args: string[]): Promise<void> {
  const child = spawn(PYTHON, [PEER, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  await new Promise((done) => child.on('exit', done));
}

async function readSamples(data: string): Promise<Sample[]> {
  const dataset = await openDataset(join(data, 'data.json'));
  const samples: Sample[] = [];
  for await (const batch of dataset.batches()) samples.push(...batch.samples.filter((sample) => sample !== null));
  await dataset.close();
  return samples;
}

async function prepare(data: string, samples: Sample[]): Promise<{ rows: ScoreRow[]; images: ProcessedImage[] }> {
  const processor = await loadVlmProcessor(folder);
  const numbers = new Map<string, number>();
  const images: ProcessedImage[] = [];
  const rows: ScoreRow[] = [];
  for (const sample of samples) {
    const { path } = sample.media.images[0]!;
    if (!numbers.has(path)) {
      numbers.set(path, images.length);
      images.push(processor.processImage(await decodeImage(join(data, path))));
    }
    const image = numbers.get(path)!;
    rows.push({ conversation: processor.prepareConversation(sample, [images[image]]), images: [image] });
  }
  const pixels = new Float32Array(images.length * images[0]!.pixelValues.length);
  for (const [i, image] of images.entries()) pixels.set(image.pixelValues, i * image.pixelValues.length);
  await writeFile(join(data, 'pixels.f32'), pixels);
  const plain = rows.map(({ conversation, images: [image] }) => ({
    ids: [...conversation.ids],
    response: [...conversation.response],
    image,
  }));
  await writeFile(join(data, 'rows.json'), JSON.stringify(plain));
  return { rows, images };
}

function mean(losses: Float32Array): number {
  return losses.reduce((sum, value) => sum + value, 0) / losses.length;
}

async function timed(run: () => Promise<number[][]>): Promise<Timed> {
  const start = performance.now();
  const losses = await run();
  return { seconds: (performance.now() - start) / 1000, losses };
}

function worst(a: number[][], b: number[][]): number {
  return Math.max(...a.flatMap((row, r) => row.map((value, i) => Math.abs(value - b[r]![i]!))));
}

function spread(numbers: number[], digits: number): string {
  const sorted = [...numbers].sort((a, b) => a - b);
  const show = (value: number): string => value.toFixed(digits);
  return `${show(sorted[sorted.length >> 1]!)} (${show(sorted[0]!)} to ${show(sorted.at(-1)!)})`;
}

async function compare(name: string, count: number, ours: () => Promise<number[][]>, peer: () => Promise<Timed>) {
  await ours();
  if (!values['ours-only']) await peer();
  const rates: number[][] = [[], []];
  const ratios: number[] = [];
  let apart = 0;
  for (let pair = 0; pair < Number(values.pairs); pair++) {
    const mine = await timed(ours);
    rates[0]!.push(count / mine.seconds);
    if (values['ours-only']) continue;
    const theirs = await peer();
    rates[1]!.push(count / theirs.seconds);
    ratios.push(theirs.seconds / mine.seconds);
    apart = Math.max(apart, worst(mine.losses, theirs.losses));
  }
  console.log(`${name}: ours ${spread(rates[0]!, 0)} samples/s`);
  if (values['ours-only']) return;
  // Times of different numbers say nothing: the graphs were exported from other weights, or one of both is wrong.
  if (apart > 1e-4) process.exitCode = 1;
  console.log(`${' '.repeat(name.length)}  transformers ${spread(rates[1]!, 0)} samples/s`);
  console.log(
    `${' '.repeat(name.length)}  times as fast ${spread(ratios, 2)}; losses differ by at most ${apart.toExponential(1)}`,
  );
}

if (!existsSync(join(folder, 'onnx'))) throw new Error(`${folder} has no onnx folder`);
await mkdir(OUT, { recursive: true });
const peer = values['ours-only'] ? undefined : startPeer();
const { version } = JSON.parse(readFileSync('node_modules/onnxruntime-node/package.json', 'utf8'));
console.log(`${cpus()[0]!.model}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`);
console.log(
  `node ${process.version}, onnxruntime-node ${version}, peer`,
  (await peer?.versions) ?? 'off',
  `on ${threads} threads`,
);
console.log(`${values.samples} samples, ${values.pairs} pairs of runs, median (least to most)`);
for (const questions of [1, 5]) {
  const data = join(OUT, `data-${values.samples}-${questions}`);
  if (!existsSync(join(data, 'data.json'))) {
    await python('data', data, String(Math.ceil(Number(values.samples) / questions)), String(questions));
  }
  const samples = await readSamples(data);
  const { rows, images } = await prepare(data, samples);
  const runtime = await openRuntime(folder);
  const fromInputs = async (): Promise<number[][]> => {
    const store = createFeatureStore(runtime);
    for (const [i, image] of images.entries()) await store.push(i, image);
    await store.settle();
    const scored = await scoreRows(runtime, rows, store, { blind: ['masked'] });
    return scored.map((result) => {
      if (result instanceof Error) throw result;
      return [mean(result.get('multimodal')!), mean(result.get('masked')!)];
    });
  };
  const name = `${questions} question${questions > 1 ? 's' : ''} an image`;
  const files = { rows: join(data, 'rows.json'), pixels: join(data, 'pixels.f32') };
  await compare(`${name}, inputs prepared`, samples.length, fromInputs, () => peer!.ask(files));
  await runtime.pool.close();

  const model = await loadVlm(folder);
  const fromFiles = async (): Promise<number[][]> => {
    const read = await readSamples(data);
    const loadImage = (path: string) => decodeImage(join(data, path));
    const losses = await model.losses({ samples: read, loadImage, blind: ['masked'] });
    return losses.map((loss) => {
      if (!loss.ok) throw new Error(`${loss.code}: ${loss.reason}`);
      return [loss.multimodal.mean, loss.blind.masked!.mean];
    });
  };
  await compare(`${name}, from files`, samples.length, fromFiles, () => peer!.ask({ files: data }));
  await model.close();
}
peer?.stop();
