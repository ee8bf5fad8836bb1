import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { openEndpoint } from './endpoint.ts';

const servers: Server[] = [];
afterEach(() => {
  vi.unstubAllEnvs();
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const QUICK = { backoff: 0.01, retries: 3 };

it('tries again what may pass, and waits as long as it is told', async () => {
  const statuses = [429, 503, 500, 200];
  const url = await serve((_, response) => {
    response.writeHead(statuses.shift()!, { 'retry-after': '0' }).end('{"ok":1}');
  });
  expect(await openEndpoint(url, QUICK).get('/')).toEqual({ status: 200, body: { ok: 1 } });
});

it.each([
  [429, 'SERVER_BUSY', 4],
  [500, 'SERVER_FAILED', 4],
  [401, 'SERVER_AUTH', 1],
  [403, 'SERVER_AUTH', 1],
])('HTTP %i is %s after %i tries', async (status, code, tries) => {
  let requests = 0;
  const url = await serve((_, response) => {
    requests++;
    response.writeHead(status).end('sorry');
  });
  await expect(openEndpoint(url, QUICK).get('/')).rejects.toMatchObject({
    code,
    message: expect.stringContaining('sorry'),
  });
  expect(requests).toBe(tries);
});

it.each([400, 404, 413, 422])('HTTP %i is an answer', async (status) => {
  const url = await serve((_, response) => response.writeHead(status).end('plain text'));
  expect(await openEndpoint(url, QUICK).post('/', {})).toEqual({ status, body: 'plain text' });
});

it('gives up on silence and on broken connections', async () => {
  const silent = await serve(() => {});
  await expect(openEndpoint(silent, { timeout: 0.05, retries: 1, backoff: 0.01 }).get('/')).rejects.toMatchObject({
    code: 'SERVER_TIMEOUT',
  });
  const broken = await serve((request) => request.socket.destroy());
  await expect(openEndpoint(broken, QUICK).get('/')).rejects.toMatchObject({ code: 'SERVER_UNREACHABLE' });
  const elsewhere = await serve((_, response) => response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end());
  await expect(openEndpoint(elsewhere, QUICK).get('/')).rejects.toMatchObject({ code: 'SERVER_UNREACHABLE' });
});

it('sends the key of the environment and never says it', async () => {
  vi.stubEnv('WINNOW_API_KEY', 'sk-very-secret');
  const sent: (string | undefined)[] = [];
  const url = await serve(({ headers }, response) => {
    sent.push(headers.authorization);
    response.writeHead(401).end(JSON.stringify({ error: { message: `wrong key ${headers.authorization}` } }));
  });
  const fault = await openEndpoint(url, QUICK)
    .get('/')
    .catch((error: unknown) => error);
  expect(sent).toEqual(['Bearer sk-very-secret']);
  expect(fault).toMatchObject({ code: 'SERVER_AUTH', message: expect.stringContaining('wrong key Bearer ***') });
  expect(JSON.stringify(fault, Object.getOwnPropertyNames(fault))).not.toContain('secret');
});

it('keeps to its number of requests at once, and stops when told', async () => {
  let now = 0;
  let most = 0;
  const url = await serve(async (_, response) => {
    most = Math.max(most, ++now);
    await sleep(10);
    now--;
    response.end('{}');
  });
  const endpoint = openEndpoint(url, { concurrency: 3 });
  await Promise.all(Array.from({ length: 12 }, () => endpoint.get('/')));
  expect(most).toBe(3);
  const abort = new AbortController();
  const stopped = openEndpoint(url, { signal: abort.signal }).get('/');
  abort.abort();
  await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
});

it('counts an answer as lost that trickles, whatever comes of it', async () => {
  const timers: NodeJS.Timeout[] = [];
  const trickle: RequestListener = (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    timers.push(setInterval(() => response.write(' '), 20));
  };
  const url = await serve(trickle);
  const began = performance.now();
  await expect(openEndpoint(url, { timeout: 0.3, retries: 1, backoff: 0.01 }).get('/')).rejects.toMatchObject({
    code: 'SERVER_TIMEOUT',
  });
  expect(performance.now() - began).toBeLessThan(2000);
  timers.forEach(clearInterval);
});

it('shows the key in no answer, however the server echoes it', async () => {
  const apiKey = 'sk-live-9f8E7d6c+/5B4a3210';
  const echoes = {
    message: `bad ${apiKey}`,
    header: Buffer.from(`Bearer ${apiKey}`).toString('base64'),
    [apiKey]: [encodeURIComponent(apiKey), { cut: apiKey.slice(0, 12) }],
  };
  for (const status of [200, 400, 404, 401, 500]) {
    const url = await serve((_, response) => {
      response.writeHead(status).end(JSON.stringify(echoes).replace('sk-l', '\\u0073k-l'));
    });
    const told = await openEndpoint(url, { apiKey, retries: 0 })
      .get('/v1/models')
      .catch((error: Error) => error.message);
    for (const piece of ['live-9f8', '5B4a3210', 'c2stbGl2', '%2B%2F5B4a'])
      expect(JSON.stringify(told)).not.toContain(piece);
  }
});
