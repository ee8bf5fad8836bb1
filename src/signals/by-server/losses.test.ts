import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openPromptModel, type PromptModel } from '../../models/testing/vlm-prompts.ts';
import { type ServeOptions, serveVlm, type TestServer } from '../../models/testing/vlm-server.ts';
import { openProject, type Project } from '../../store/project.ts';
import { readColumns } from '../../store/shard-read.ts';
import { runScore, type ScoreResult } from '../score.ts';
import { planScore } from '../score-plan.ts';

/* Losses over HTTP against a server of the same interface whose numbers the micro VLM computes: equal to those in process. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const MICRO = resolve(import.meta.dirname, '../../../models/micro-vlm');
/** Rows: two with one image, text only, three turns, an image after an answer, two images, a file that is no image. */
const ROWS = [
  row('one', ['a.png'], ['<image>\nWhat colour is the square?', 'It is red.']),
  row('two', ['b.png'], ['<image>\nHow many circles are there?', 'There are 3 circles, and é is a letter.']),
  row('text', [], ['What is two and two?', 'Four.']),
  row('turns', ['a.png'], ['<image>\nWhat is this?', 'A square.', 'What colour?', 'It is red.', 'Sure?', 'Yes.']),
  row('later', ['a.png', 'b.png'], ['<image>\nWhat is this?', 'A square.', '<image>\nAnd this?', 'A circle.']),
  row('pair', ['b.png', 'a.png'], ['<image>\n<image>\nAre these the same?', 'No.']),
  row('broken', ['broken.png'], ['<image>\nWhat is this?', 'Nothing.']),
];
const BROKEN = 6;

function row(id: string, images: string[], turns: string[]): unknown {
  const conversations = turns.map((value, i) => ({ from: i % 2 === 0 ? 'human' : 'gpt', value }));
  return { id, ...(images.length === 0 ? {} : { image: images.length === 1 ? images[0] : images }), conversations };
}

let folder = '';
let model: PromptModel;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'winnow-http-'));
  for (const [name, background] of [
    ['a', '#d02020'],
    ['b', '#2040c0'],
    ['grey', '#7f7f7f'],
  ] as const)
    await sharp({ create: { width: 64, height: 48, channels: 3, background } })
      .png()
      .toFile(join(folder, `${name}.png`));
  writeFileSync(join(folder, 'broken.png'), 'no picture');
  model = await openPromptModel(MICRO);
});
afterAll(async () => {
  await model.close();
  rmSync(folder, { recursive: true, force: true });
});

const open: (TestServer | Project)[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function serve(options: ServeOptions = {}): Promise<TestServer> {
  const server = await serveVlm(model, options);
  open.push(server);
  return server;
}

let projects = 0;
async function projectOf(rows: unknown[]): Promise<Project> {
  const at = join(folder, `project-${projects++}`);
  const project = await openProject(at, { create: true });
  writeFileSync(join(at, 'data.json'), JSON.stringify(rows));
  await project.addDataset({ path: join(at, 'data.json'), images: folder, format: 'llava' });
  open.push(project);
  return project;
}

type Numbers = Record<string, number[]>;

async function score(project: Project, params: Record<string, unknown>): Promise<ScoreResult & { numbers: Numbers }> {
  const plan = await planScore(project, { signal: 'loss', params, offline: true });
  const result = await runScore(plan);
  const { columns } = await readColumns(
    project,
    plan.shards,
    plan.signal.columns(plan.params).map(({ name }) => name),
  );
  const numbers = Object.fromEntries(
    Object.entries(columns).map(([name, column]) => [name, column.kind === 'text' ? [] : Array.from(column.data)]),
  );
  return { ...result, numbers };
}

/** The rows without their images, or with grey ones: what a server's blind passes see. */
function altered(what: 'drop' | 'grey'): unknown[] {
  return (ROWS as { image?: string | string[]; conversations: { from: string; value: string }[] }[]).map((record) => {
    if (what === 'grey') {
      const grey = Array.isArray(record.image) ? record.image.map(() => 'grey.png') : record.image && 'grey.png';
      return { ...record, ...(grey === undefined ? {} : { image: grey }) };
    }
    const { image, ...rest } = record;
    const strip = (value: string) => value.replaceAll('<image>\n', '');
    return { ...rest, conversations: rest.conversations.map(({ from, value }) => ({ from, value: strip(value) })) };
  });
}

function expectClose(got: number[], wanted: number[], rows: number[]): void {
  for (const i of rows)
    expect(Math.abs(got[i]! - wanted[i]!), `row ${i}: ${got[i]} and ${wanted[i]}`).toBeLessThan(1e-4);
}

describe.each([
  ['vllm', {}],
  ['vllm', { tokenize: false }],
  ['vllm', { tokenizer: MICRO }],
  ['sglang', { tokenizer: MICRO }],
] as const)('%s %o', (kind, how) => {
  it('gives the losses of the model in process, and names its own blind variants', async () => {
    const { tokenizer, tokenize } = how as { tokenizer?: string; tokenize?: boolean };
    const server = await serve({ kind, ...(tokenize === undefined ? {} : { tokenize }) });
    const over = await score(await projectOf(ROWS), {
      server: server.url,
      model: 'micro',
      blind: ['http-drop', 'http-grey'],
      perToken: true,
      selfCheck: 2,
      ...(tokenizer === undefined ? {} : { tokenizer }),
    });
    const inside = await score(await projectOf(ROWS), { perToken: true });
    const dropped = await score(await projectOf(altered('drop')), {});
    const grey = await score(await projectOf(altered('grey')), {});
    const good = [0, 1, 2, 3, 4, 5];
    expect(over.quarantined.map(({ row, code }) => [row, code])).toEqual([[BROKEN, 'IMAGE_BROKEN']]);
    expect(over.numbers.response_tokens!.slice(0, BROKEN)).toEqual(inside.numbers.response_tokens!.slice(0, BROKEN));
    expectClose(over.numbers.nll_mm!, inside.numbers.nll_mm!, good);
    expectClose(over.numbers.nll_blind_http_drop!, dropped.numbers.nll_mm!, good);
    expectClose(over.numbers.nll_blind_http_grey!, grey.numbers.nll_mm!, good);
    expectClose(
      over.numbers.necessity_http_drop!,
      good.map((i) => dropped.numbers.nll_mm![i]! - inside.numbers.nll_mm![i]!),
      good,
    );
    expectClose(
      over.numbers.token_mm!,
      inside.numbers.token_mm!,
      inside.numbers.token_mm!.map((_, i) => i),
    );
    expect(over.numbers.image_tokens!.slice(0, 4)).toEqual(
      [66, 66, 0, 66].map((n) => (n === 0 ? 0 : over.numbers.image_tokens![0])),
    );
    expect(over.numbers.image_tokens![0]).toBeGreaterThanOrEqual(64);
    expect(Number.isNaN(over.numbers.nll_mm![BROKEN])).toBe(true);
  });
});
