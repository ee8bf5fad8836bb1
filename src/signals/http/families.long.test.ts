import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { workerPython } from '../../models/testing/fixtures.ts';
import { type Bench, openBench, row } from '../testing/server-bench.ts';

/*
 * A server that `transformers` runs, with a family's own template, tokenizer and processor, against the worker on the
 * same weights: templates with and without a BOS, with a line break behind each turn, images between marks. The server
 * takes any family of `worker/tests/tiny.py`.
 */
const WORKER = resolve(import.meta.dirname, '../../../worker');
const python = workerPython();
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const ROWS = [
  row('one', ['a.png'], ['<image>\nWhat colour is it?', 'It is red.']),
  row('text', [], ['What is two and two?', 'Four, é.']),
  row('turns', ['b.png'], ['<image>\nWhat is this?', 'A square.', 'What colour?', 'It is blue.']),
  row('later', ['a.png', 'b.png'], ['<image>\nWhat is this?', 'A square.', '<image>\nAnd this?', 'A circle.']),
];

let bench: Bench;
const started: ChildProcess[] = [];
beforeAll(async () => {
  bench = await openBench();
});
afterEach(async () => {
  await bench.clear();
  for (const child of started.splice(0)) child.kill();
});
afterAll(() => bench[Symbol.asyncDispose]());

async function serve(family: string, folder: string): Promise<string> {
  const env = { ...process.env, OMP_NUM_THREADS: '1', HF_HUB_OFFLINE: '1', PYTHONPATH: WORKER };
  const child = spawn(python!, [join(WORKER, 'tests', 'serve.py'), family, folder], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  started.push(child);
  const [port] = await once(child.stdout!, 'data');
  return `http://127.0.0.1:${String(port).trim()}`;
}

describe.skipIf(python === undefined).each(['qwen2_vl', 'gemma3'])('%s', (family) => {
  it('has the losses of the worker over HTTP', async () => {
    const project = await bench.projectOf(ROWS);
    const model = join(project.folder, 'model');
    const served = await bench.score(project, { server: await serve(family, model), selfCheck: 2 });
    const worker = await bench.score(project, { model, by: 'worker', device: 'cpu' });
    expect([...served.quarantined, ...worker.quarantined]).toEqual([]);
    expect(served.numbers.response_tokens).toEqual(worker.numbers.response_tokens);
    for (const [i, loss] of served.numbers.nll_mm!.entries())
      expect(Math.abs(loss - worker.numbers.nll_mm![i]!), `row ${i}`).toBeLessThan(1e-4);
    expect(served.numbers.image_tokens![0]).toBeGreaterThan(1);
    expect(Math.abs(served.numbers.necessity_http_drop![0]!)).toBeGreaterThan(1e-3);
  });
});
