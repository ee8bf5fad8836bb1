import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { neededFiles, weightFiles } from './hub/files.ts';
import { hasGraphs, resolveModel, resolveWeights } from './source.ts';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';

interface Hub {
  server: Server;
  url: string;
  requests: string[];
  /** Break the connection once after this many bytes of a file. */
  breakAfter: number | undefined;
}

let root: string;
let hub: Hub;

const FILES: Record<string, string> = {
  'config.json': '{"model_type":"bert"}',
  'tokenizer.json': '{}',
  '1_Pooling/config.json': '{}',
  'pytorch_model.bin': 'pickle',
  'model.safetensors': 'weights',
  'onnx/model.onnx': 'graph '.repeat(20_000),
  'onnx/model.onnx_data': 'external',
  'onnx/model_quantized.onnx': 'small',
  'modeling_remote.py': 'import os',
};

/** A hub that speaks the two requests that a download needs, with ranges. */
async function startHub(): Promise<Hub> {
  const state: Hub = { server: undefined as unknown as Server, url: '', requests: [], breakAfter: undefined };
  state.server = createServer((request, response) => {
    const url = new URL(request.url!, 'http://hub');
    state.requests.push(`${url.pathname}${request.headers.range ? ` ${request.headers.range}` : ''}`);
    if (url.pathname.startsWith('/api/models/org/gated')) return void response.writeHead(401).end();
    if (url.pathname.startsWith('/api/models/org/pickled')) {
      return void response.end(JSON.stringify({ sha: COMMIT, siblings: [{ rfilename: 'pytorch_model.bin' }] }));
    }
    if (url.pathname.startsWith('/api/models/org/escape')) {
      const siblings = [{ rfilename: '../../evil.json' }, { rfilename: 'onnx/model.onnx' }];
      return void response.end(JSON.stringify({ sha: COMMIT, siblings }));
    }
    if (url.pathname === '/api/models/org/tiny/revision/main') {
      const siblings = Object.entries(FILES).map(([rfilename, text]) => ({
        rfilename,
        size: text.length,
        lfs: { size: text.length, sha256: createHash('sha256').update(text).digest('hex') },
      }));
      return void response.end(JSON.stringify({ sha: COMMIT, siblings }));
    }
    const file = FILES[url.pathname.replace(`/org/tiny/resolve/${COMMIT}/`, '')];
    if (file === undefined) return void response.writeHead(404).end();
    const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(start > 0 ? 206 : 200, { 'content-length': file.length - start });
    if (state.breakAfter !== undefined && file.length > state.breakAfter) {
      const stop = state.breakAfter;
      state.breakAfter = undefined;
      return void response.write(file.slice(0, stop), () => setTimeout(() => response.destroy(), 50));
    }
    response.end(file.slice(start));
  });
  await new Promise<void>((done) => state.server.listen(0, '127.0.0.1', done));
  state.url = `http://127.0.0.1:${(state.server.address() as AddressInfo).port}`;
  return state;
}

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'winnow-source-'));
  hub = await startHub();
  vi.stubEnv('HF_ENDPOINT', hub.url);
  vi.stubEnv('HF_HOME', join(root, 'hf'));
  vi.stubEnv('HF_HUB_CACHE', '');
  vi.stubEnv('HF_HUB_OFFLINE', '');
});

afterEach(async () => {
  vi.unstubAllEnvs();
  hub.server.closeAllConnections();
  hub.server.close();
  await rm(root, { recursive: true, force: true });
});

const cacheDir = (): string => join(root, 'cache');

describe('a hub model', () => {
  it('is downloaded once, only what is needed, with progress and the commit as its revision', async () => {
    const seen: [string, number, number][] = [];
    const options = {
      cacheDir: cacheDir(),
      progress: (what: string, done: number, total: number) => void seen.push([what, done, total]),
    };
    const model = await resolveModel('org/tiny', options);
    expect(model).toMatchObject({ name: 'org/tiny', revision: COMMIT });
    expect(await readFile(join(model.folder, 'onnx/model.onnx'), 'utf8')).toBe(FILES['onnx/model.onnx']);
    for (const absent of [
      'pytorch_model.bin',
      'model.safetensors',
      'modeling_remote.py',
      'onnx/model_quantized.onnx',
    ]) {
      expect(existsSync(join(model.folder, absent))).toBe(false);
    }
    expect(existsSync(join(model.folder, 'onnx/model.onnx_data'))).toBe(true);
    const size = FILES['onnx/model.onnx']!.length;
    expect(seen).toContainEqual(['org/tiny: onnx/model.onnx', size, size]);
    const before = hub.requests.length;
    expect(await resolveModel('org/tiny', { cacheDir: cacheDir(), offline: true })).toEqual(model);
    expect(hub.requests).toHaveLength(before);
  });

  it('goes on where a broken download stopped', async () => {
    hub.breakAfter = 50_000;
    await expect(resolveModel('org/tiny', { cacheDir: cacheDir() })).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
    const model = await resolveModel('org/tiny', { cacheDir: cacheDir() });
    expect(hub.requests.some((request) => /model\.onnx bytes=[1-9]\d*-/.test(request))).toBe(true);
    expect(await readFile(join(model.folder, 'onnx/model.onnx'), 'utf8')).toBe(FILES['onnx/model.onnx']);
  });

  it('is refused when its bytes are not those that the hub announced', async () => {
    const folder = join(cacheDir(), 'models', 'org--tiny', COMMIT, 'onnx');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'model.onnx.part'), 'x'.repeat(FILES['onnx/model.onnx']!.length));
    await expect(resolveModel('org/tiny', { cacheDir: cacheDir() })).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
    await expect(resolveModel('org/tiny', { cacheDir: cacheDir() })).resolves.toMatchObject({ revision: COMMIT });
  });

  it('says what to do without a network, for a gated, an unknown and a pickled model', async () => {
    const at = { cacheDir: cacheDir() };
    await expect(resolveModel('org/tiny', { ...at, offline: true })).rejects.toMatchObject({
      code: 'MODEL_OFFLINE',
      hint: expect.stringContaining('--local-dir'),
    });
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    await expect(resolveModel('org/tiny', at)).rejects.toMatchObject({ code: 'MODEL_OFFLINE' });
    vi.stubEnv('HF_HUB_OFFLINE', '');
    await expect(resolveModel('org/gated', at)).rejects.toMatchObject({ code: 'MODEL_GATED' });
    await expect(resolveModel('org/absent', at)).rejects.toMatchObject({ code: 'MODEL_UNKNOWN' });
    await expect(resolveModel('org/pickled', at)).rejects.toMatchObject({ code: 'MODEL_PICKLE' });
    await expect(resolveModel('org/escape', at)).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
    vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:9');
    await expect(resolveModel('org/tiny', at)).rejects.toMatchObject({ code: 'MODEL_OFFLINE' });
  });

  it('gives the worker its weights, beside the graphs of the same commit, at a revision that may be pinned', async () => {
    const at = { cacheDir: cacheDir() };
    const graphs = await resolveModel('org/tiny', at);
    const weights = await resolveWeights('org/tiny', at);
    expect(weights).toEqual(graphs);
    expect(await readFile(join(weights.folder, 'model.safetensors'), 'utf8')).toBe(FILES['model.safetensors']);
    expect(await resolveWeights(`org/tiny@${COMMIT}`, { ...at, offline: true })).toMatchObject({ revision: COMMIT });
    await expect(resolveWeights('org/tiny@v2', at)).rejects.toMatchObject({ code: 'MODEL_UNKNOWN' });
    await expect(resolveWeights('org/absent', { ...at, offline: true })).rejects.toMatchObject({
      code: 'MODEL_OFFLINE',
    });
    await expect(resolveWeights('org/pickled', at)).rejects.toMatchObject({ code: 'MODEL_NO_WEIGHTS' });
    await expect(resolveWeights(tmpdir(), at)).rejects.toThrow(/no config\.json/);
  });

  it('is computed in process where the hub has graphs of it', async () => {
    const at = { cacheDir: cacheDir() };
    expect(await hasGraphs('org/tiny', at)).toBe(true);
    expect(await hasGraphs('org/pickled', at)).toBe(false);
    await resolveWeights('org/tiny', at);
    expect(await hasGraphs('org/tiny', { ...at, offline: true })).toBe(false);
  });

  it('is taken from the Hugging Face cache when it is there', async () => {
    const base = join(root, 'hf', 'hub', 'models--org--tiny');
    await mkdir(join(base, 'snapshots', COMMIT, 'onnx'), { recursive: true });
    await mkdir(join(base, 'refs'), { recursive: true });
    await writeFile(join(base, 'refs', 'main'), COMMIT);
    await writeFile(join(base, 'snapshots', COMMIT, 'config.json'), '{}');
    await writeFile(join(base, 'snapshots', COMMIT, 'onnx', 'model.onnx'), 'graph');
    const model = await resolveModel('org/tiny', { cacheDir: cacheDir(), offline: true });
    expect(model).toMatchObject({ revision: COMMIT, folder: join(base, 'snapshots', COMMIT) });
  });
});

describe('a folder', () => {
  const write = async (files: Record<string, string>): Promise<string> => {
    const folder = join(root, 'model');
    for (const [name, text] of Object.entries(files)) {
      await mkdir(join(folder, name, '..'), { recursive: true });
      await writeFile(join(folder, name), text);
    }
    return folder;
  };

  it('has a revision that follows its content and nothing else', async () => {
    const folder = await write({ 'config.json': '{}', 'onnx/model.onnx': 'a', 'README.md': 'x' });
    const revision = async (): Promise<string> => (await resolveModel(folder, { cacheDir: cacheDir() })).revision;
    const first = await revision();
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    await writeFile(join(folder, 'README.md'), 'changed');
    await utimes(join(folder, 'config.json'), 1, 1);
    expect(await revision()).toBe(first);
    await writeFile(join(folder, 'onnx/model.onnx'), 'b');
    await utimes(join(folder, 'onnx/model.onnx'), 2, 2);
    expect(await revision()).not.toBe(first);
  });

  it('is read two levels deep, without hidden folders: more is no part of a model', async () => {
    const folder = await write({ 'config.json': '{}', 'onnx/model.onnx': 'a' });
    const first = (await resolveModel(folder, { cacheDir: cacheDir() })).revision;
    await write({ '.git/config.json': 'x', 'onnx/deeper/other.onnx': 'x' });
    expect((await resolveModel(folder, { cacheDir: cacheDir() })).revision).toBe(first);
  });

  it('without graphs is refused, with what to do', async () => {
    const at = { cacheDir: cacheDir() };
    const folder = await write({ 'config.json': '{}', 'pytorch_model.bin': 'x' });
    await expect(resolveModel(folder, at)).rejects.toMatchObject({ code: 'MODEL_PICKLE' });
    await writeFile(join(folder, 'model.safetensors'), 'x');
    await expect(resolveModel(folder, at)).rejects.toMatchObject({
      code: 'MODEL_NO_ONNX',
      hint: expect.stringContaining('winnow_worker.export'),
    });
    await expect(resolveModel('not-a-model', at)).rejects.toMatchObject({ code: 'MODEL_UNKNOWN', exitCode: 2 });
    await expect(resolveModel('./not/here', at)).rejects.toMatchObject({ code: 'MODEL_UNKNOWN' });
  });
});

describe('needed files', () => {
  it('are the best dtype of each graph, towers instead of the whole, the merged decoder instead of its parts', () => {
    expect(
      neededFiles([
        'onnx/text_model.onnx',
        'onnx/text_model_fp16.onnx',
        'onnx/vision_model_quantized.onnx',
        'onnx/vision_model_fp16.onnx',
        'onnx/model.onnx',
        'preprocessor_config.json',
        'model.safetensors.index.json',
        'chat_template.jinja',
      ]),
    ).toEqual([
      'onnx/text_model.onnx',
      'onnx/vision_model_fp16.onnx',
      'preprocessor_config.json',
      'chat_template.jinja',
    ]);
    expect(
      neededFiles([
        'onnx/model_O2.onnx',
        'onnx/model_qint8_arm64.onnx',
        'onnx/decoder_model.onnx',
        'onnx/decoder_model_merged.onnx',
        'onnx/decoder_with_past_model.onnx',
        'onnx/embed_tokens_q4f16.onnx',
      ]),
    ).toEqual(['onnx/decoder_model_merged.onnx', 'onnx/embed_tokens_q4f16.onnx']);
  });
});

describe('weights of a hub model', () => {
  it('are the safetensors with their index and what reads them', () => {
    const files = [
      'config.json',
      'model-00001-of-00002.safetensors',
      'model.safetensors.index.json',
      'tokenizer.model',
    ];
    const others = [
      'consolidated.safetensors',
      'pytorch_model.bin',
      'onnx/model.onnx',
      'run.py',
      'original/a.safetensors',
    ];
    expect(weightFiles([...files, ...others])).toEqual(files);
  });
});
