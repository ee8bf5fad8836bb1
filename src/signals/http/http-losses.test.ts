import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ServeOptions } from '../../models/testing/vlm-server.ts';
import { type Bench, MICRO, openBench, row } from '../testing/server-bench.ts';

/*
 * Losses over HTTP against a server of the same interface whose numbers the micro VLM computes: equal to those in
 * process.
 */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** Two with one image, text only, three turns, an image after an answer, two images, a file that is no image. */
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

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterEach(() => bench.clear());
afterAll(() => bench[Symbol.asyncDispose]());

/** The rows without their images, or with grey ones: what a server's blind passes see. */
function altered(what: 'drop' | 'grey'): unknown[] {
  return (ROWS as unknown as { image?: string | string[]; conversations: { from: string; value: string }[] }[]).map(
    (record) => {
      if (what === 'grey') {
        const grey = Array.isArray(record.image) ? record.image.map(() => 'grey.png') : record.image && 'grey.png';
        return { ...record, ...(grey === undefined ? {} : { image: grey }) };
      }
      const { image, ...rest } = record;
      const strip = (value: string) => value.replaceAll('<image>\n', '');
      return { ...rest, conversations: rest.conversations.map(({ from, value }) => ({ from, value: strip(value) })) };
    },
  );
}

function expectClose(got: number[], wanted: number[], rows: number[]): void {
  for (const i of rows)
    expect(Math.abs(got[i]! - wanted[i]!), `row ${i}: ${got[i]} and ${wanted[i]}`).toBeLessThan(1e-4);
}

interface How {
  serve: ServeOptions;
  params: Record<string, unknown>;
}

describe.each<[string, How]>([
  ['vLLM', { serve: {}, params: {} }],
  ['vLLM without /tokenize', { serve: { tokenize: false }, params: {} }],
  ['vLLM with the tokenizer here', { serve: {}, params: { tokenizer: MICRO } }],
  ['SGLang', { serve: { kind: 'sglang', root: null }, params: { tokenizer: MICRO } }],
  ['SGLang that names its model', { serve: { kind: 'sglang', root: 'micro-vlm', lists: false }, params: {} }],
])('%s', (_, { serve, params }) => {
  it('gives the losses of the model in process, and names its own blind variants', async () => {
    const server = await bench.serve(serve);
    const over = await bench.score(await bench.projectOf(ROWS), {
      server: server.url,
      blind: ['http-drop', 'http-grey'],
      perToken: true,
      selfCheck: 2,
      ...params,
    });
    const inside = await bench.score(await bench.projectOf(ROWS), { perToken: true });
    const dropped = await bench.score(await bench.projectOf(altered('drop')), {});
    const grey = await bench.score(await bench.projectOf(altered('grey')), {});
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
