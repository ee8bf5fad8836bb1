import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { AnyJob, WorkerEvent } from '../job.ts';
import { findPython } from '../python.ts';
import { runJob } from '../run-job.ts';
import type { Executor, RunningJob } from './executor.ts';
import { local } from './local.ts';

vi.setConfig({ testTimeout: 120_000 });

/** Every executor keeps to this. */
const EXECUTORS: readonly Executor[] = [local];
const MODEL = fileURLToPath(new URL('../../../models/micro-vlm', import.meta.url));

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'winnow-executor-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Losses of rows without images, two a shard. */
function makeJob(name: string, shards = 3): Extract<AnyJob, { kind: 'signals' }> {
  const home = join(folder, name);
  mkdirSync(home);
  const text = (words: string) => [{ type: 'text', text: words }];
  const listed = Array.from({ length: shards }, (_, i) => {
    const rows = [2 * i, 2 * i + 1];
    const samples = join(home, `${i}.jsonl`);
    const messages = (row: number) => [
      { role: 'user', content: text(`How many, ${row}?`) },
      { role: 'assistant', content: text(`There are ${row}.`) },
    ];
    writeFileSync(
      samples,
      rows.map((row) => `${JSON.stringify({ row, id: `r${row}`, messages: messages(row), images: [] })}\n`).join(''),
    );
    const outputs = [{ signal: 'error-norm', path: join(home, 'out', `${i}.parquet`), key: `key${i}`, measures: {} }];
    return { start: 2 * i, end: 2 * i + 2, ids: rows.map((row) => `r${row}`), samples, outputs };
  });
  return {
    kind: 'signals',
    model: { path: MODEL, checkpoints: [] },
    media_root: home,
    device: 'cpu',
    dtype: 'float32',
    batch: 2,
    threads: 1,
    folder: home,
    parts: join(home, 'parts'),
    signals: [{ name: 'error-norm', params: {} }],
    shards: listed,
  };
}

const outputs = (job: ReturnType<typeof makeJob>) => job.shards.map(({ outputs: [one] }) => one!.path);

async function read(running: RunningJob, until?: (event: WorkerEvent) => boolean): Promise<WorkerEvent[]> {
  const seen: WorkerEvent[] = [];
  for await (const event of running.events) {
    seen.push(event);
    if (until?.(event)) void running.stop();
  }
  return seen;
}

it.each(EXECUTORS)(
  '$name: events come while it works, what is finished is done once, bytes are the same',
  async (executor) => {
    const [job, other] = [makeJob('one'), makeJob('other')];
    const running = await executor.submit(job);
    const seen = await read(running);
    expect(await running.ended).toMatchObject({ code: 0, signal: null });
    expect(seen.map(({ t }) => t)).toEqual(['hello', 'plan', 'phase', 'shard', 'shard', 'shard', 'done']);
    await running.stop();
    const times = outputs(job).map((path) => statSync(path).mtimeMs);
    const again = await executor.resume(job);
    expect((await read(again)).filter(({ t }) => t === 'shard')).toEqual([]);
    expect(outputs(job).map((path) => statSync(path).mtimeMs)).toEqual(times);
    await runJob(other, { executor });
    outputs(job).forEach((path, i) => void expect(readFileSync(outputs(other)[i]!)).toEqual(readFileSync(path)));
  },
);

it.each(EXECUTORS)(
  '$name: a job that is stopped keeps what it finished and goes on with the rest',
  async (executor) => {
    const job = makeJob('stopped', 40);
    const running = await executor.submit(job);
    await read(running, ({ t }) => t === 'shard');
    expect(await running.ended).toMatchObject({ code: 130 });
    const there = outputs(job).filter((path) => existsSync(path));
    expect(there.length).toBeGreaterThan(0);
    expect(there.length).toBeLessThan(40);
    const times = there.map((path) => statSync(path).mtimeMs);
    await read(await executor.resume(job));
    expect(outputs(job).every((path) => existsSync(path))).toBe(true);
    expect(there.map((path) => statSync(path).mtimeMs)).toEqual(times);
  },
);

it.each(EXECUTORS)('$name: an abort stops the job, and a fault of the job has its code', async (executor) => {
  const controller = new AbortController();
  const stopped = runJob(makeJob('aborted', 40), {
    executor,
    signal: controller.signal,
    onEvent: ({ t }) => t === 'shard' && controller.abort(),
  });
  await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
  const broken = makeJob('broken');
  cpSync(MODEL, join(folder, 'model'), { recursive: true });
  writeFileSync(join(folder, 'model', 'model.safetensors'), 'no weights');
  await expect(
    runJob({ ...broken, model: { path: join(folder, 'model'), checkpoints: [] } }, { executor }),
  ).rejects.toMatchObject({ code: 'MODEL_UNUSABLE', hint: expect.not.stringContaining('again to go on') });
});

it('local: the worker ends with the process that started it', async () => {
  const job = makeJob('orphan', 400);
  const { python, folder: worker } = findPython();
  writeFileSync(join(job.folder, 'job.json'), JSON.stringify(job));
  const command = [python, '-m', 'winnow_worker', '--job', join(job.folder, 'job.json'), '--with-parent'];
  const parent = `
    const child = require('node:child_process').spawn(${JSON.stringify(python)}, ${JSON.stringify(command.slice(1))},
      { env: { ...process.env, PYTHONPATH: ${JSON.stringify(worker)} }, stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdout.on('data', (text) => { if (/"shard"/.test(text)) console.log(child.pid); });`;
  const owner = spawn(process.execPath, ['-e', parent], { stdio: ['ignore', 'pipe', 'inherit'] });
  const pid = await new Promise<number>((resolve) =>
    owner.stdout.once('data', (text) => resolve(Number(String(text).split('\n')[0]))),
  );
  owner.kill('SIGKILL');
  await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow(), { timeout: 10_000 });
  expect(outputs(job).every((path) => existsSync(path))).toBe(false);
});

it('local: says which signal ended the worker', async () => {
  const job = makeJob('killed', 400);
  let pid = 0;
  const killed = runJob(job, {
    executor: {
      ...local,
      submit: async (one) => {
        const running = await local.submit(one);
        pid = (running as RunningJob & { pid: number }).pid;
        return running;
      },
    },
    onEvent: ({ t }) => t === 'shard' && process.kill(pid, 'SIGKILL'),
  });
  await expect(killed).rejects.toMatchObject({ code: 'WORKER_ENDED', message: expect.stringContaining('SIGKILL') });
});
