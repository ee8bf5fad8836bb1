import http from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import { WinnowError } from '../../base/errors.ts';
import { AddressRefused, checkLiteral, publicLookup } from './fetch-address.ts';

export interface FetchLimits {
  /** Bytes of one medium. @default 33554432 (32 MiB) */
  maxBytes?: number | undefined;
  /** Seconds for one medium, redirects included. @default 30 */
  timeout?: number | undefined;
  /** @default 5 */
  maxRedirects?: number | undefined;
  /** Host names whose addresses need not be public, e.g. a server of your own. */
  allow?: readonly string[] | undefined;
  signal?: AbortSignal | undefined;
}

export interface FetchedBytes {
  bytes: Buffer;
  /** Where the redirects ended. */
  url: string;
}

const DEFAULTS = { maxBytes: 32 * 2 ** 20, timeout: 30, maxRedirects: 5 };
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Get one URL within limits. Every hop is checked again: its scheme (http, https), and that the host's address is
 * public unless `allow` names the host; the connection goes to the address that was checked. No cookies, no
 * credentials, no proxy, no compression.
 *
 * @throws WinnowError `FETCH_URL`, `FETCH_ADDRESS`, `FETCH_REDIRECTS`, `FETCH_STATUS`, `FETCH_TOO_LARGE`,
 * `FETCH_TIMEOUT`, `FETCH_FAILED`
 */
export async function fetchBytes(given: string, limits: FetchLimits = {}): Promise<FetchedBytes> {
  const { maxBytes = DEFAULTS.maxBytes, timeout = DEFAULTS.timeout, maxRedirects = DEFAULTS.maxRedirects } = limits;
  const clock = AbortSignal.timeout(timeout * 1000);
  const signal = limits.signal === undefined ? clock : AbortSignal.any([clock, limits.signal]);
  let url = given;
  try {
    for (let hop = 0; hop <= maxRedirects; hop++) {
      const answer = await request(checkUrl(url), limits.allow ?? [], maxBytes, signal);
      if (typeof answer !== 'string') return { bytes: answer, url };
      url = new URL(answer, url).href;
    }
  } catch (error) {
    limits.signal?.throwIfAborted();
    throw clock.aborted
      ? fault('FETCH_TIMEOUT', `The server gave no complete answer within ${timeout} s.`)
      : described(error);
  }
  throw fault('FETCH_REDIRECTS', `The server redirects more than ${maxRedirects} times.`);
}

function checkUrl(text: string): URL {
  if (!URL.canParse(text)) throw fault('FETCH_URL', 'This is not a URL.');
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw fault('FETCH_URL', `Only http and https are fetched, not "${url.protocol}".`);
  if (url.username !== '' || url.password !== '') throw fault('FETCH_URL', 'The URL holds a user name or password.');
  return url;
}

/** The body, or the address that a redirect names. */
function request(url: URL, allow: readonly string[], maxBytes: number, signal: AbortSignal): Promise<Buffer | string> {
  const isAllowed = allow.includes(url.hostname) || allow.includes(url.host);
  if (!isAllowed) checkLiteral(url.hostname);
  const { get } = url.protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    let isAnswered = false;
    const sent = get(
      url,
      {
        // A connection of its own: one that is kept open was checked for another request.
        agent: false,
        signal,
        headers: { accept: 'image/*, video/*', 'accept-encoding': 'identity', 'user-agent': 'winnow' },
        lookup: isAllowed ? undefined : publicLookup,
      },
      (response) => {
        isAnswered = true;
        const { statusCode = 0, headers } = response;
        const refuse = (error: WinnowError): void => {
          response.destroy();
          reject(error);
        };
        if (REDIRECTS.has(statusCode) && headers.location !== undefined) {
          response.destroy();
          return resolve(headers.location);
        }
        if (statusCode !== 200) return refuse(fault('FETCH_STATUS', `The server answers ${statusCode}.`));
        if (!['identity', undefined].includes(headers['content-encoding']))
          return refuse(fault('FETCH_FAILED', `The server sends it as ${headers['content-encoding']}, unasked.`));
        const tooLarge = (): void => refuse(fault('FETCH_TOO_LARGE', `The file is larger than ${maxBytes} bytes.`));
        if (Number(headers['content-length'] ?? 0) > maxBytes) return tooLarge();
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > maxBytes) return tooLarge();
          chunks.push(chunk);
        });
        response.on('error', reject);
        response.on('close', () => response.complete || reject(fault('FETCH_FAILED', 'The server broke off.')));
        response.on('end', () => {
          if (response.complete) resolve(Buffer.concat(chunks));
          else reject(fault('FETCH_FAILED', 'The server broke off.'));
        });
      },
    );
    sent.on('error', reject);
    // An answer of 101 or to CONNECT is no response: without these the promise would never settle.
    const refuseUpgrade = (response: http.IncomingMessage, socket: Duplex): void => {
      socket.destroy();
      reject(fault('FETCH_STATUS', `The server answers ${response.statusCode}.`));
    };
    sent.on('upgrade', refuseUpgrade);
    sent.on('connect', refuseUpgrade);
    // Whatever else ends the connection. A promise that has settled is not changed by it.
    sent.on(
      'close',
      () => isAnswered || reject(fault('FETCH_FAILED', 'The server closed the connection without an answer.')),
    );
  });
}

function described(error: unknown): unknown {
  if (error instanceof WinnowError) return error;
  if (error instanceof AddressRefused) return fault('FETCH_ADDRESS', error.message);
  const { code, message } = error as NodeJS.ErrnoException;
  return fault('FETCH_FAILED', message || code || 'The connection failed.');
}

function fault(code: string, message: string): WinnowError {
  return new WinnowError({ code, message, hint: 'Download it yourself, or drop the row.' });
}
