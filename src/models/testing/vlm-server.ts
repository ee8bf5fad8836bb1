import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ChatMessage } from '../processing/template.ts';
import type { PromptModel } from './vlm-prompts.ts';

type Json = Record<string, unknown>;

/** A request that arrived. */
export interface Received {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  body: Json;
}

/** What a handler answers: status and JSON; `drop` breaks the connection. */
export type Reply = { status: number; body: unknown; headers?: Record<string, string> } | 'drop';

export interface ServeOptions {
  /** Name the model is served under. @default micro */
  name?: string;
  /** @default vllm */
  kind?: 'vllm' | 'sglang';
  /** Where it says the model was loaded from. @default models/micro-vlm */
  root?: string | null;
  /** Has `/v1/models`. @default true */
  lists?: boolean;
  /** @default 1024 */
  maxLength?: number;
  /** Has `/tokenize`. @default true */
  tokenize?: boolean;
  /** Looks at a request before the server does; what it returns is the answer. For faults. */
  before?: (request: Received) => Reply | undefined;
  /** Changes an answer. For faults. */
  after?: (request: Received, body: Json) => Json;
}

export interface TestServer {
  url: string;
  /** Everything that arrived, in order. */
  received: Received[];
  close(): Promise<void>;
}

/**
 * A server with the interface of vLLM (`/v1/models`, `/tokenize`, `/v1/chat/completions`) or SGLang (`/generate`) whose
 * numbers a model in process computes. For tests.
 */
export async function serveVlm(model: PromptModel, options: ServeOptions = {}): Promise<TestServer> {
  const received: Received[] = [];
  const server = createServer((incoming, outgoing) => {
    handle(incoming, outgoing).catch((error: Error) => send(outgoing, refusal(400, error.message)));
  });
  async function handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const request: Received = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      headers: incoming.headers,
      body: text === '' ? {} : (JSON.parse(text) as Json),
    };
    received.push(request);
    const reply = options.before?.(request) ?? (await route(model, request, options));
    if (reply === 'drop') return void incoming.socket.destroy();
    const isGood = reply.status === 200 && options.after !== undefined;
    send(outgoing, isGood ? { ...reply, body: options.after!(request, reply.body as Json) } : reply);
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function send(outgoing: ServerResponse, reply: Exclude<Reply, 'drop'>): void {
  outgoing.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers });
  outgoing.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body));
}

const refusal = (code: number, message: string): Exclude<Reply, 'drop'> => ({
  status: code,
  body: { error: { message, type: 'BadRequestError', param: null, code } },
});

async function route(model: PromptModel, request: Received, options: ServeOptions): Promise<Exclude<Reply, 'drop'>> {
  const { name = 'micro', kind = 'vllm', root = 'models/micro-vlm', maxLength = 1024, tokenize = true } = options;
  const { path, body } = request;
  const models = [{ id: name, object: 'model', owned_by: kind, root, max_model_len: maxLength }];
  if (path === '/v1/models' && options.lists !== false) return { status: 200, body: { object: 'list', data: models } };
  if (kind === 'sglang' && path === '/get_model_info') return { status: 200, body: { model_path: root } };
  if (kind === 'sglang' && path === '/generate') return generate(model, body, maxLength);
  if (kind === 'vllm' && body.model !== undefined && body.model !== name)
    return refusal(404, `The model \`${String(body.model)}\` does not exist.`);
  if (kind === 'vllm' && tokenize && path === '/tokenize') return tokenizeChat(model, body, maxLength);
  if (kind === 'vllm' && path === '/v1/chat/completions') return complete(model, body, maxLength);
  return { status: 404, body: { detail: 'Not Found' } };
}

/** Messages as the template wants them, and the images they show. */
function readChat(body: Json): { messages: ChatMessage[]; images: string[] } {
  const images: string[] = [];
  const messages = (body.messages as { role: string; content: string | Json[] }[]).map(({ role, content }) => ({
    role,
    content: (typeof content === 'string' ? [{ type: 'text', text: content }] : content).map((part) => {
      if (part.type === 'text') return { type: 'text' as const, text: String(part.text) };
      images.push((part.image_url as { url: string }).url);
      return { type: 'image' as const };
    }),
  }));
  return { messages: messages as ChatMessage[], images };
}

/** As vLLM does: an open turn unless told otherwise, and no BOS unless asked for. */
function encodeChat(model: PromptModel, messages: readonly ChatMessage[], body: Json): number[] {
  return model.encode(model.render(messages, body.add_generation_prompt !== false), body.add_special_tokens === true);
}

function tokenizeChat(model: PromptModel, body: Json, maxLength: number): Exclude<Reply, 'drop'> {
  const { messages } = readChat(body);
  const tokens = encodeChat(model, messages, body);
  const strings = body.return_token_strs === true ? tokens.map((id) => model.decode([id])) : null;
  return { status: 200, body: { count: tokens.length, max_model_len: maxLength, tokens, token_strs: strings } };
}

async function complete(model: PromptModel, body: Json, maxLength: number): Promise<Exclude<Reply, 'drop'>> {
  if (body.add_generation_prompt !== false && body.continue_final_message === true)
    return refusal(400, 'Cannot set both `continue_final_message` and `add_generation_prompt` to True.');
  const { messages, images } = readChat(body);
  const prompt = await model.expand(encodeChat(model, messages, body), images);
  if (prompt.ids.length + 1 > maxLength)
    return refusal(
      400,
      `This model's maximum context length is ${maxLength} tokens. However, your request has ${prompt.ids.length} input tokens.`,
    );
  const top = body.prompt_logprobs as number | undefined;
  const logprobs = top === undefined ? [] : await model.logprobs(prompt);
  return {
    status: 200,
    body: {
      id: 'chatcmpl-1',
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: 'x' }, finish_reason: 'length' }],
      usage: { prompt_tokens: prompt.ids.length, completion_tokens: 1, total_tokens: prompt.ids.length + 1 },
      prompt_logprobs: top === undefined ? null : prompt.ids.map((id, t) => position(model, id, logprobs[t]!, top)),
      prompt_token_ids: body.return_token_ids === true ? prompt.ids : null,
    },
  };
}

/** The prompt's own token, and with `top` 1 a likelier one where that is certain not to be the most likely itself. */
function position(model: PromptModel, id: number, logprob: number | null, top: number): Json | null {
  if (logprob === null) return null;
  const isTop = logprob > Math.log(0.5);
  const own = { [id]: { logprob, rank: isTop ? 1 : 2, decoded_token: model.decode([id]) } };
  if (isTop || top === 0) return own;
  // Lower than every id, so that it comes first in a JSON object.
  return { ...own, [id === 0 ? 1 : 0]: { logprob: Math.log(0.5), rank: 1, decoded_token: '<top>' } };
}

async function generate(model: PromptModel, body: Json, maxLength: number): Promise<Exclude<Reply, 'drop'>> {
  const images = [body.image_data ?? []].flat() as string[];
  const ids = (body.input_ids as number[] | undefined) ?? model.encode(String(body.text), true);
  const prompt = await model.expand(ids, images);
  if (prompt.ids.length + 1 > maxLength)
    return refusal(
      400,
      `Input length (${prompt.ids.length} tokens) exceeds the maximum allowed length (${maxLength} tokens).`,
    );
  const meta: Json = { id: 'g1', prompt_tokens: prompt.ids.length, completion_tokens: 1, cached_tokens: 0 };
  if (body.return_logprob === true) {
    const start = Number(body.logprob_start_len ?? -1);
    const logprobs = await model.logprobs(prompt);
    const text = (id: number) => (body.return_text_in_logprobs === true ? model.decode([id]) : null);
    const from = start < 0 ? prompt.ids.length : start;
    meta.input_token_logprobs = prompt.ids
      .slice(from)
      .map((id, i) => [i === 0 ? null : logprobs[from + i], id, text(id)]);
    meta.output_token_logprobs = [[-0.1, 5, null]];
  }
  return { status: 200, body: { text: 'x', meta_info: meta } };
}
