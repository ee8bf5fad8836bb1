import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import { WinnowError } from '../base/errors.ts';
import { LONG, mapTexts, redactor } from '../base/redact.ts';

export interface EndpointOptions {
  /** Seconds until a request counts as lost. @default 120 */
  timeout?: number;
  /** Further tries of a request that got 429, 5xx, a broken connection or no answer in time. @default 6 */
  retries?: number;
  /** Seconds before the second try; doubled at each one after it, to 30 at most. @default 0.5 */
  backoff?: number;
  /** Requests in flight at once. @default 8 */
  concurrency?: number;
  /** Sent as bearer token, never printed. @default WINNOW_API_KEY of the environment */
  apiKey?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** What a server said: any status that is its answer to the request, so 2xx, 400, 404, 413 or 422. */
export interface Answer {
  status: number;
  /** The parsed JSON; text where it is none. */
  body: unknown;
}

/** A server that answers JSON. Requests beyond `concurrency` wait their turn. */
export interface Endpoint {
  /** Without a slash at the end, `/v1`, name or password. */
  readonly url: string;
  get(path: string): Promise<Answer>;
  post(path: string, body: unknown): Promise<Answer>;
}

/** Codes of faults after which nothing else can be had of the server either. */
export const SERVER_LOST = new Set(['SERVER_UNREACHABLE', 'SERVER_AUTH', 'SERVER_BUSY', 'SERVER_TIMEOUT']);

const LONGEST_WAIT = 30;
/** Bytes of one answer: log-probabilities of 100,000 tokens are about 10 MB. */
const LARGEST_ANSWER = 256 * 2 ** 20;

/**
 * The address that requests start from: `http://host:8000` of `http://host:8000/v1/`. @throws WinnowError `SERVER_URL`
 */
export function serverUrl(given: string): string {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(given) ? given : `http://${given}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const why =
    url === undefined || !/^https?:$/.test(url.protocol)
      ? 'it is no http or https address'
      : url.username !== '' || url.password !== ''
        ? 'a key belongs into the environment (WINNOW_API_KEY), not into the address'
        : undefined;
  if (url !== undefined && why === undefined) return `${url.origin}${url.pathname}`.replace(/\/+$|(\/v1)?\/*$/, '');
  throw new WinnowError({
    code: 'SERVER_URL',
    message: `--server can't be used: ${why}.`,
    hint: 'Give for example --server http://localhost:8000.',
    exitCode: 2,
  });
}

/**
 * Opens nothing yet: the first request does. A request is tried again after 429, 5xx, a broken connection or silence,
 * each time after a longer wait (or as long as the server's `Retry-After` says).
 *
 * Requests throw WinnowError `SERVER_UNREACHABLE`, `SERVER_AUTH` (401, 403), `SERVER_BUSY` (429), `SERVER_TIMEOUT`,
 * `SERVER_FAILED` (5xx) when no try is left.
 */
export function openEndpoint(url: string, options: EndpointOptions = {}): Endpoint {
  const { timeout = 120, retries = 6, backoff = 0.5, concurrency = 8, signal } = options;
  const apiKey = options.apiKey ?? process.env.WINNOW_API_KEY;
  const base = serverUrl(url);
  const redact = redactor(apiKey);
  const limit = pLimit(concurrency);

  async function request(path: string, init: RequestInit): Promise<Answer> {
    for (let attempt = 0; ; attempt++) {
      signal?.throwIfAborted();
      const got = await once(`${base}${path}`, init);
      if ('answer' in got) return got.answer;
      if (!got.again || attempt >= retries) throw got.fault;
      const wait = got.after ?? backoff * 2 ** attempt * (0.75 + Math.random() / 2);
      await sleep(Math.min(wait, LONGEST_WAIT) * 1000, undefined, signal === undefined ? {} : { signal });
    }
  }

  async function once(address: string, init: RequestInit): Promise<Attempt> {
    // One clock for the connection, the headers and the whole answer: a server that sends a byte now and then is as
    // lost as one that is silent. The race holds even where the body's stream doesn't listen to its signal.
    const clock = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        clock.abort();
        reject(new Error('late'));
      }, timeout * 1000);
    });
    late.catch(() => undefined);
    const asked = (async (): Promise<Attempt> => {
      const response = await fetch(address, {
        ...init,
        // A redirect would take the key and the pictures to a host that nobody named.
        redirect: 'error',
        signal: signal === undefined ? clock.signal : AbortSignal.any([clock.signal, signal]),
        headers: {
          'content-type': 'application/json',
          accept: 'application/json',
          ...(apiKey === undefined || apiKey === '' ? {} : { authorization: `Bearer ${apiKey}` }),
        },
      });
      return judge(base, response, await bodyOf(response, redact));
    })();
    asked.catch(() => undefined);
    try {
      return await Promise.race([asked, late]);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof WinnowError) throw error;
      const isLate = clock.signal.aborted;
      const why = isLate ? `no whole answer within ${timeout} s` : redact(causeOf(error));
      const code = isLate ? 'SERVER_TIMEOUT' : 'SERVER_UNREACHABLE';
      return { again: true, fault: serverFault(code, `${base} can't be reached: ${why}.`) };
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    url: base,
    get: (path) => limit(request, path, { method: 'GET' }),
    post: (path, body) => limit(request, path, { method: 'POST', body: JSON.stringify(body) }),
  };
}

/** One try: an answer, or a fault that may pass. */
type Attempt = { answer: Answer } | { fault: WinnowError; again: boolean; after?: number };

function judge(base: string, response: Response, body: unknown): Attempt {
  const { status } = response;
  if (status < 300 && typeof body === 'string' && /^\s*[{[]/.test(body)) {
    const why = /\bNaN\b|\bInfinity\b/.test(body) ? 'it holds NaN or Infinity' : 'it ends too early or is damaged';
    const fault = serverFault('SERVER_FAILED', `${base} answers HTTP ${status} with what is no JSON: ${why}.`);
    return { again: true, fault };
  }
  if (status < 300 || (status >= 400 && status < 500 && ![401, 403, 408, 429].includes(status)))
    return { answer: { status, body } };
  const said = serverMessage({ status, body });
  if (status === 401 || status === 403)
    return { again: false, fault: serverFault('SERVER_AUTH', `${base} refuses the key (HTTP ${status}): ${said}`) };
  const code = status === 429 ? 'SERVER_BUSY' : status === 408 ? 'SERVER_TIMEOUT' : 'SERVER_FAILED';
  const after = retryAfter(response.headers.get('retry-after'));
  return {
    again: true,
    fault: serverFault(code, `${base} answers HTTP ${status}: ${said}`),
    ...(after === undefined ? {} : { after }),
  };
}

const HINTS: Record<string, string> = {
  SERVER_UNREACHABLE:
    'Check that the server runs and the address; then run the command again: finished shards are kept.',
  SERVER_TIMEOUT:
    'Give a longer --timeout or a smaller --concurrency; then run the command again: finished shards are kept.',
  SERVER_BUSY: 'Give a smaller --concurrency or more --retries; then run the command again: finished shards are kept.',
  SERVER_AUTH: 'Put the key into the environment variable WINNOW_API_KEY.',
  SERVER_FAILED: "Look into the server's log; then run the command again: finished shards are kept.",
};

export function serverFault(code: string, message: string, hint = HINTS[code]): WinnowError {
  return new WinnowError({ code, message, hint });
}

/**
 * What the server says went wrong, in one line: `{error: {message}}` (OpenAI, vLLM), `{message}`, `{detail}`, or text.
 */
export function serverMessage({ status, body }: Answer): string {
  const fields = (value: unknown): Record<string, unknown> =>
    typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  const { error, message, detail } = fields(body);
  const said = fields(error).message ?? message ?? error ?? detail ?? body;
  const text = typeof said === 'string' ? said : JSON.stringify(said ?? '');
  return text.replace(/\s+/g, ' ').trim().slice(0, 300) || `HTTP ${status} without a word`;
}

/** Seconds; a date counts from now. */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const seconds = /^\d+(\.\d+)?$/.test(header.trim()) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}

/** Without the key, wherever the answer has it: what is read of it can reach messages, files and logs. */
async function bodyOf(response: Response, redact: (text: string) => string): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > LARGEST_ANSWER) throw new Error(`an answer of more than ${LARGEST_ANSWER} bytes`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  try {
    // The key may be spelled with escapes, so that the text of the answer is no place to look for it.
    const isClean = text.length > LONG && redact(text) === text;
    return isClean ? JSON.parse(text) : mapTexts(JSON.parse(text), redact);
  } catch {
    return redact(text);
  }
}

function causeOf(error: unknown): string {
  const { cause, message } = error as { cause?: { code?: string; message?: string }; message: string };
  return cause?.code ?? cause?.message ?? message;
}
