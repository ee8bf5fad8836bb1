import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Received, ServeOptions } from '../../models/testing/vlm-server.ts';
import { type Bench, MICRO, openBench, row, type Scored } from '../testing/server-bench.ts';

/*
 * A server that fails, lies or is somebody else: rows are retried, set aside with a reason, or the run ends before it
 * spends more.
 */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const ROWS = [
  row('one', ['a.png'], ['<image>\nWhat colour is it?', 'It is red.']),
  row('two', ['b.png'], ['<image>\nHow many circles?', 'Three.']),
  row('text', [], ['What is two and two?', 'Four.']),
];
const [ONE, TWO] = [0, 1];

let bench: Bench;
let clean: Scored;
beforeAll(async () => {
  bench = await openBench();
  const { url: server } = await bench.serve();
  clean = await bench.score(await bench.projectOf(ROWS), { server });
});
afterEach(() => bench.clear());
afterAll(() => bench[Symbol.asyncDispose]());

const isScored = ({ path, body }: Received): boolean =>
  path === '/v1/chat/completions' && body.add_generation_prompt === false;
const says = (request: Received, text: string): boolean => JSON.stringify(request.body).includes(text);

interface Completion {
  prompt_token_ids: number[] | null;
  prompt_logprobs: (Record<string, { logprob: number | null }> | null)[] | null;
}
/** Change the answers of scored conversations. */
const changed =
  (change: (completion: Completion, request: Received) => void): NonNullable<ServeOptions['after']> =>
  (request, body) => {
    if (isScored(request)) change(body as unknown as Completion, request);
    return body;
  };

async function against(
  options: ServeOptions,
  params: Record<string, unknown> = {},
  rows: unknown[] = ROWS,
): Promise<Scored> {
  const { url: server } = await bench.serve(options);
  return bench.score(await bench.projectOf(rows), { server, selfCheck: 0, retries: 1, ...params });
}

/** Fail a request of each kind in turn, each at most once. */
function failingOnce(...replies: ('drop' | number)[]): NonNullable<ServeOptions['before']> {
  const left = [...replies];
  return (request) => {
    const reply = isScored(request) ? left.shift() : undefined;
    if (reply === undefined || reply === 'drop') return reply;
    return { status: reply, body: { message: 'not now' }, headers: { 'retry-after': '0' } };
  };
}

describe('faults that pass', () => {
  it('429, 500, 503 and a broken connection are tried again, and change nothing', async () => {
    const again = await against({ before: failingOnce(429, 500, 'drop', 503, 429) }, { retries: 6, selfCheck: 20 });
    expect(again.quarantined).toEqual([]);
    expect(again.numbers).toEqual(clean.numbers);
  });

  it('the number of alternatives that the server takes is found out', async () => {
    const again = await against({
      before: ({ body }) =>
        body.prompt_logprobs === 0 ? { status: 400, body: { message: 'prompt_logprobs must be positive' } } : undefined,
    });
    expect(again.numbers).toEqual(clean.numbers);
  });

  it('a /tokenize that takes plain text only is not asked', async () => {
    const { url: server, received } = await bench.serve({
      before: ({ path }) => (path === '/tokenize' ? { status: 422, body: { detail: 'prompt is missing' } } : undefined),
    });
    const again = await bench.score(await bench.projectOf(ROWS), { server, selfCheck: 0 });
    expect(again.numbers).toEqual(clean.numbers);
    expect(received.filter(({ path }) => path === '/tokenize')).toHaveLength(1);
  });

  it('a server without prompt_token_ids names the tokens in the log-probabilities', async () => {
    const after = changed((completion) => {
      completion.prompt_token_ids = null;
    });
    expect((await against({ after })).numbers).toEqual(clean.numbers);
  });
});

describe('faults of a row', () => {
  it('a request that fails to the last try while the server answers others', async () => {
    const before = (request: Received) =>
      isScored(request) && says(request, 'How many')
        ? { status: 500, body: { error: { message: 'boom' } }, headers: { 'retry-after': '0' } }
        : undefined;
    const { quarantined, numbers } = await against({ before });
    expect(quarantined).toMatchObject([{ row: TWO, id: 'two', code: 'SERVER_FAILED' }]);
    expect(quarantined[0]?.reason).toContain('boom');
    expect(numbers.nll_mm![ONE]).toBe(clean.numbers.nll_mm![ONE]);
    expect(numbers.nll_mm![TWO]).toBeNaN();
  });

  it('longer than the context', async () => {
    const long = row('long', ['a.png'], ['<image>\nWhat is this?', 'word '.repeat(200)]);
    const { quarantined } = await against({ maxLength: 150 }, {}, [...ROWS, long]);
    expect(quarantined).toMatchObject([{ row: 3, code: 'TOO_LONG' }]);
  });

  it('tokens that are not those of the answer', async () => {
    const after = changed(({ prompt_token_ids: ids }, request) => {
      if (says(request, 'How many')) ids![ids!.length - 3] = 7;
    });
    const { quarantined } = await against({ after });
    expect(quarantined).toMatchObject([{ row: TWO, code: 'ALIGNMENT' }]);
  });

  it('a token of probability 0, which vLLM writes as -9999', async () => {
    const after = changed(({ prompt_logprobs: positions }, request) => {
      if (says(request, 'How many')) for (const token of Object.values(positions!.at(-2)!)) token.logprob = -9999;
    });
    const { quarantined } = await against({ after });
    expect(quarantined).toMatchObject([{ row: TWO, code: 'LOSS_INFINITE' }]);
  });

  it('a probability above 1', async () => {
    const after = changed(({ prompt_logprobs: positions }, request) => {
      if (says(request, 'How many')) for (const token of Object.values(positions!.at(-2)!)) token.logprob = 0.5;
    });
    const { quarantined } = await against({ after });
    expect(quarantined).toMatchObject([{ row: TWO, code: 'LOGPROBS_INVALID' }]);
  });

  it('an image that the server did not look at', async () => {
    const before = (request: Received) => {
      for (const { content } of (request.body.messages ?? []) as { content: unknown }[])
        if (Array.isArray(content)) content.splice(0, content.length, ...content.filter(({ type }) => type === 'text'));
      return undefined;
    };
    const { quarantined } = await against({ before });
    expect(quarantined.map(({ row: at, code }) => [at, code])).toEqual([
      [ONE, 'IMAGE_IGNORED'],
      [TWO, 'IMAGE_IGNORED'],
    ]);
  });

  it('images larger than the limit, and conversations without an answer', async () => {
    const { quarantined } = await against({}, { maxImageMb: 0.0001 }, [...ROWS, row('mute', [], ['Hello?'])]);
    expect(quarantined.map(({ code }) => code)).toEqual(['IMAGE_TOO_LARGE', 'IMAGE_TOO_LARGE', 'NO_RESPONSE_TOKENS']);
  });
});

describe('faults of the server', () => {
  it.each<[string, ServeOptions, Record<string, unknown>]>([
    [
      'PROMPT_LOGPROBS_UNSUPPORTED',
      {
        after: changed((completion) => {
          completion.prompt_logprobs = null;
        }),
      },
      {},
    ],
    ['MODEL_UNKNOWN', {}, { model: 'other' }],
    ['SERVER_AUTH', { before: () => ({ status: 401, body: { error: 'no' } }) }, {}],
    ['SERVER_INTERFACE', { before: () => ({ status: 200, body: '<html>' }) }, {}],
    [
      'SERVER_BUSY',
      {
        before: (request) =>
          isScored(request) ? { status: 429, body: {}, headers: { 'retry-after': '0' } } : undefined,
      },
      {},
    ],
    [
      // Not a row is answered, so that none is to blame.
      'SERVER_FAILED',
      {
        before: (request) =>
          isScored(request) ? { status: 500, body: {}, headers: { 'retry-after': '0' } } : undefined,
      },
      { selfCheck: 0 },
    ],
    ['TOKENIZER_MISSING', { kind: 'sglang', name: 'nowhere', root: null }, {}],
    ['PROMPT_LOGPROBS_UNSUPPORTED', {}, { serverKind: 'sglang', tokenizer: MICRO }],
  ])('%s', async (code, options, params) => {
    await expect(against(options, params)).rejects.toMatchObject({ code });
  });

  it('prefix caching that loses log-probabilities', async () => {
    const seen = new Set<string>();
    const after = changed(({ prompt_logprobs: positions, prompt_token_ids: ids }) => {
      const prompt = JSON.stringify(ids);
      if (seen.has(prompt)) positions!.fill(null, 0, ids!.length - 1);
      seen.add(prompt);
    });
    await expect(against({ after }, { selfCheck: 20 })).rejects.toMatchObject({
      code: 'LOGPROBS_MISSING',
      hint: expect.stringContaining('--no-enable-prefix-caching'),
    });
  });

  it('numbers that depend on the order of requests', async () => {
    let requests = 0;
    const after = changed(({ prompt_logprobs: positions }) => {
      requests++;
      for (const position of positions!)
        for (const token of Object.values(position ?? {})) token.logprob! *= 1 + requests / 100;
    });
    await expect(against({ after }, { selfCheck: 20 })).rejects.toMatchObject({ code: 'SERVER_UNSTABLE' });
  });

  it('values that stand at other tokens than their own', async () => {
    const after = changed(({ prompt_logprobs: positions }) => {
      const values = positions!.map((position) => Object.values(position ?? {})[0]?.logprob ?? null);
      for (const [t, position] of positions!.entries())
        for (const token of Object.values(position ?? {})) token.logprob = values[t + 1] ?? token.logprob;
    });
    await expect(against({ after })).rejects.toMatchObject({ code: 'LOGPROBS_INCONSISTENT' });
  });

  it('values of a cache that hold for any order of the rows, on every run', async () => {
    // As vLLM's cache without salts: what was asked before comes back as zeros, whatever came in between.
    const seen = new Set<string>(['']);
    const after = changed(({ prompt_logprobs: positions, prompt_token_ids: ids }) => {
      const prompt = JSON.stringify(ids);
      if (seen.has(prompt))
        for (const position of positions!.slice(0, -8))
          for (const token of Object.values(position ?? {})) Object.assign(token, { logprob: 0, rank: 1 });
      seen.add(prompt);
    });
    const { url: server } = await bench.serve({ after });
    const project = await bench.projectOf(ROWS);
    for (const _ of ['cold', 'warm'])
      await expect(bench.score(project, { server, selfCheck: 3 })).rejects.toMatchObject({ code: 'SERVER_UNSTABLE' });
  });

  it('values that something was subtracted from', async () => {
    const after = changed(({ prompt_logprobs: positions }) => {
      for (const position of positions!)
        for (const token of Object.values(position ?? {})) if (token.logprob !== null) token.logprob -= 3;
    });
    const asked = ['star', 'circle', 'square', 'cross', 'heart', 'triangle', 'ring', 'moon'];
    const rows = asked.map((shape) =>
      row(shape, [], [`Repeat: ${shape}`, shape, 'Is it 2 + 2 = 4?', 'yes', `Is a ${shape} a ${shape}?`, 'yes']),
    );
    await expect(against({ after }, { selfCheck: 8 }, rows)).rejects.toMatchObject({ code: 'LOGPROBS_INCONSISTENT' });
  });

  it('one answer that is cut, or lacks its numbers, is asked for again', async () => {
    let cut = 0;
    let bare = 0;
    const again = await against({
      before: (request) =>
        isScored(request) && ++cut === 9 ? { status: 200, body: '{"prompt_logprobs":[null,{"5":{"log' } : undefined,
      after: changed((completion) => {
        if (++bare === 12) completion.prompt_logprobs = null;
      }),
    });
    expect(again.quarantined).toEqual([]);
    expect(again.numbers).toEqual(clean.numbers);
  });

  it('tokens that never match end the run at its first rows', async () => {
    const { url: server, received } = await bench.serve({
      after: changed(({ prompt_token_ids: ids }) => {
        ids![ids!.length - 1] = 5;
      }),
    });
    const project = await bench.projectOf(
      Array.from({ length: 40 }, (_, i) => row(`r${i}`, [], [`Say ${i}.`, `${i}`])),
    );
    await expect(bench.score(project, { server, selfCheck: 4 })).rejects.toMatchObject({ code: 'SELF_CHECK_FAILED' });
    expect(received.length).toBeLessThan(40);
  });

  it('a server that dies ends the run and leaves no shard', async () => {
    const server = await bench.serve({ before: () => undefined });
    const project = await bench.projectOf(ROWS);
    const params = { server: server.url, selfCheck: 0, retries: 0 };
    let requests = 0;
    const dying = await bench.serve({ before: () => (++requests > 6 ? 'drop' : undefined) });
    await expect(bench.score(project, { ...params, server: dying.url })).rejects.toMatchObject({
      code: 'SERVER_UNREACHABLE',
    });
    expect((await bench.score(project, params)).rowsComputed).toBe(ROWS.length);
  });

  it('nobody at the address', async () => {
    const started = performance.now();
    const project = await bench.projectOf(ROWS);
    await expect(bench.score(project, { server: 'http://127.0.0.1:9' })).rejects.toMatchObject({
      code: 'SERVER_UNREACHABLE',
    });
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe('options', () => {
  it.each([
    [{ server: 'ftp://host' }, 'SERVER_URL'],
    [{ server: 'http://me:secret@host' }, 'SERVER_URL'],
    [{ server: 'http://host', blind: ['masked'] }, 'OPTION_INVALID'],
    [{ blind: ['http-drop'] }, 'OPTION_INVALID'],
    [{ serverKind: 'vllm' }, 'OPTION_INVALID'],
    [{ server: 'http://host', by: 'worker' }, 'OPTION_INVALID'],
    [{ server: 'http://host', direct: true }, 'OPTION_INVALID'],
  ])('%o is %s', async (params, code) => {
    await expect(bench.score(await bench.projectOf(ROWS), params)).rejects.toMatchObject({ code, exitCode: 2 });
  });

  it('the variant and the server are part of what names a shard', async () => {
    const project = await bench.projectOf(ROWS);
    const [first, second] = [await bench.serve(), await bench.serve()];
    const params = { selfCheck: 0, tokenizer: MICRO };
    expect((await bench.score(project, { ...params, server: first.url })).rowsComputed).toBe(3);
    expect((await bench.score(project, { ...params, server: `${first.url}/v1/` })).rowsComputed).toBe(0);
    expect((await bench.score(project, { ...params, server: first.url, blind: ['http-grey'] })).rowsComputed).toBe(3);
    expect((await bench.score(project, { ...params, server: second.url })).rowsComputed).toBe(3);
  });
});
