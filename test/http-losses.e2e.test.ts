import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openPromptModel, type PromptModel } from '../src/models/testing/vlm-prompts.ts';
import { serveVlm, type TestServer } from '../src/models/testing/vlm-server.ts';

/* Losses over HTTP through the built command line, against a server that computes with the shipped model. */
const ROOT = path.resolve(import.meta.dirname, '..');
const BIN = path.join(ROOT, 'bin/winnow.js');
const KEY = 'sk-not-to-be-seen';
/** Two shards: 512 rows and 40. */
const ROWS = 552;
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let work = '';
let model: PromptModel;
let server: TestServer;
beforeAll(async () => {
  const built = spawnSync(path.join(ROOT, 'winnow'), ['--version'], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(built.stderr);
  work = fs.mkdtempSync(path.join(os.tmpdir(), 'winnow-served-'));
  const excerpt = JSON.parse(fs.readFileSync(path.join(ROOT, 'examples/nlvr/nlvr.json'), 'utf8')) as { id: string }[];
  const images = path.join(ROOT, 'examples/nlvr');
  const withImages = excerpt.slice(0, 12);
  const rest = Array.from({ length: ROWS - withImages.length }, (_, i) => ({
    id: `t${i}`,
    conversations: [
      { from: 'human', value: `Say ${i}.` },
      { from: 'gpt', value: `${i}` },
    ],
  }));
  fs.writeFileSync(path.join(work, 'data.json'), JSON.stringify([...withImages, ...rest]));
  model = await openPromptModel(path.join(ROOT, 'models/micro-vlm'));
  server = await serveVlm(model);
  expect((await winnow('import', 'data.json', '--images', images)).status).toBe(0);
});
afterAll(async () => {
  await server.close();
  await model.close();
  fs.rmSync(work, { recursive: true, force: true });
});

interface Ran {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** @param kill when to end it with SIGKILL */
function winnow(...given: (string | ((child: { kill(): void }) => void))[]): Promise<Ran> {
  const args = given.filter((arg) => typeof arg === 'string');
  return new Promise((resolve) => {
    const env = { ...process.env, WINNOW_API_KEY: KEY };
    const child = spawn(process.execPath, [BIN, ...args], { cwd: work, env });
    const ran: Ran = { status: null, stdout: '', stderr: '' };
    child.stdout.on('data', (chunk) => (ran.stdout += chunk));
    child.stderr.on('data', (chunk) => (ran.stderr += chunk));
    child.on('close', (status) => resolve({ ...ran, status }));
    for (const start of given) if (typeof start === 'function') start({ kill: () => child.kill('SIGKILL') });
  });
}

const scoring = (): string[] => [
  ...['score', 'loss', '--server', server.url, '--model', 'micro', '--tokenizer', path.join(ROOT, 'models/micro-vlm')],
  ...['--self-check', '2', '--retries', '1'],
];
const scored = () => server.received.filter(({ path: at }) => at === '/v1/chat/completions').length;

describe('winnow score loss --server', () => {
  it('says what it would take, and asks for nothing', async () => {
    const { status, stdout } = await winnow(...scoring(), '--dry-run', '--json');
    expect(status).toBe(0);
    const plan = JSON.parse(stdout);
    expect(plan).toMatchObject({ rowsMissing: ROWS, model: 'micro', estimate: { assumed: '576 tokens an image' } });
    // Two passes over the images, one over the rest, and the check of two rows.
    expect(plan.estimate.requests).toBeGreaterThanOrEqual(ROWS + 12);
    expect(plan.estimate.requests).toBeLessThan(ROWS + 30);
    expect(scored()).toBe(0);
    expect((await winnow(...scoring(), '--dry-run')).stdout).toMatch(/About 5\d\d requests/);
  });

  it('goes on where it was killed', async () => {
    const killed = await winnow(...scoring(), ({ kill }) => {
      const watch = setInterval(() => {
        if (scored() < 540) return;
        clearInterval(watch);
        kill();
      }, 1);
    });
    expect(killed.status).toBeNull();
    const before = server.received.length;
    const { status, stdout, stderr } = await winnow(...scoring(), '--json', '--quiet');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ rows: ROWS, rowsComputed: ROWS - 512, quarantined: [] });
    expect(server.received.length - before).toBeLessThan(80);
  });

  it('gives the numbers of the same model in process', async () => {
    const losses = async (): Promise<Map<string, number>> => {
      const { stdout } = await winnow('sql', 'SELECT id, nll_mm FROM scored', '--limit', '1000', '--json');
      return new Map(JSON.parse(stdout).rows as [string, number][]);
    };
    const served = await losses();
    expect((await winnow('score', 'loss')).status).toBe(0);
    const inside = await losses();
    expect(served.size).toBe(ROWS);
    for (const [id, loss] of served) expect(Math.abs(loss - inside.get(id)!), id).toBeLessThan(1e-4);
  });

  it('never ranks losses of two sources together', async () => {
    // In process came last: nll_mm is of this machine, the blind loss of the server.
    const mixed = await winnow(
      'select',
      'learnability',
      '--initial',
      'nll_blind_http_drop',
      '--final',
      'nll_mm',
      '--budget',
      '10',
      '--json',
    );
    expect(mixed.status).toBe(2);
    expect(JSON.parse(mixed.stdout).error.code).toBe('LOSSES_MIXED');
    const again = await winnow(...scoring(), '--json');
    expect(JSON.parse(again.stdout)).toMatchObject({ rowsComputed: 0 });
    const fine = await winnow(
      'select',
      'learnability',
      '--initial',
      'nll_blind_http_drop',
      '--final',
      'nll_mm',
      '--budget',
      '10',
      '--json',
    );
    expect({ status: fine.status, stderr: fine.stderr }).toEqual({ status: 0, stderr: '' });
    const named = await winnow('select', 'visnec', '--blind', 'http-drop', '--k', '3', '--budget', '10', '--json');
    expect(JSON.parse(named.stdout)).toMatchObject({ method: 'visnec', saved: true });
  });

  it('sends the key, and writes it nowhere', async () => {
    expect(server.received.every(({ headers }) => headers.authorization === `Bearer ${KEY}`)).toBe(true);
    const files = fs.readdirSync(path.join(work, '.winnow'), { recursive: true, withFileTypes: true });
    for (const file of files) {
      if (file.isFile()) expect(fs.readFileSync(path.join(file.parentPath, file.name)).includes(KEY)).toBe(false);
    }
  });

  it('says what is wrong in one message', async () => {
    const wrong = await winnow('score', 'loss', '--server', server.url, '--model', 'gpt-none', '--json');
    expect(wrong.status).toBe(2);
    expect(JSON.parse(wrong.stdout).error).toMatchObject({
      code: 'MODEL_UNKNOWN',
      hint: expect.stringContaining('micro'),
    });
    const nobody = await winnow('score', 'loss', '--server', 'http://127.0.0.1:9');
    expect(nobody.status).toBe(1);
    expect(nobody.stderr).toContain("can't be reached");
    expect(nobody.stderr).not.toMatch(/\n\s+at /);
  });
});
