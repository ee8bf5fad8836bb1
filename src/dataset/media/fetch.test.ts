import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { convertDataset } from '../verbs/convert.ts';
import { fetchBytes } from './fetch.ts';
import { isPublicAddress, publicLookup } from './fetch-address.ts';

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
let server: Server;
let base = '';
let asked: string[] = [];
const folder = mkdtempSync(join(tmpdir(), 'winnow-fetch-'));
const LOCAL = { allow: ['localhost'] };

const answers: Record<string, RequestListener> = {
  '/a.png': (_, response) => response.end(PNG),
  '/page': (_, response) => response.end('<html>gone</html>'),
  '/to-a': (_, response) => response.writeHead(302, { location: '/a.png' }).end(),
  '/loop': (_, response) => response.writeHead(302, { location: '/loop' }).end(),
  '/inside': (_, response) =>
    response.writeHead(302, { location: `${base.replace('localhost', '127.0.0.1')}/a.png` }).end(),
  '/metadata': (_, response) => response.writeHead(307, { location: 'http://169.254.169.254/latest/meta-data' }).end(),
  '/file': (_, response) => response.writeHead(301, { location: 'file:///etc/passwd' }).end(),
  '/said-large': (_, response) => response.writeHead(200, { 'content-length': '99999999' }).end(),
  '/large': (_, response) => response.end(Buffer.alloc(5000)),
  '/slow': (_, response) => response.write('x'),
  '/broken': (_, response) => {
    response.writeHead(200, { 'content-length': '100' });
    response.write('x', () => response.destroy());
  },
  '/gzip': (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(PNG),
};

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request.url!);
    const answer = answers[request.url!];
    if (answer === undefined) response.writeHead(404).end();
    else answer(request, response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  base = `http://localhost:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  asked = [];
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('addresses', () => {
  it.each([
    ...['127.0.0.1', '10.0.0.1', '172.16.5.5', '192.168.1.1', '169.254.169.254', '100.64.0.1', '0.0.0.0', '224.0.0.1'],
    ...['255.255.255.255', '198.18.0.1', '240.0.0.1', '::', '::1', 'fe80::1', 'fd00::1', 'ff02::1', '::127.0.0.1'],
    ...[
      '::ffff:127.0.0.1',
      '::ffff:a9fe:a9fe',
      '64:ff9b::7f00:1',
      '2002:7f00:1::',
      '2001:0:1::',
      'fec0::1',
      '4000::1',
      'x',
    ],
  ])('%s is refused', (address) => expect(isPublicAddress(address)).toBe(false));

  it.each(['8.8.8.8', '1.1.1.1', '2606:4700:4700::1111', '::ffff:8.8.8.8'])('%s is public', (address) =>
    expect(isPublicAddress(address)).toBe(true),
  );

  it.each([
    ...['http://127.0.0.1/', 'http://2130706433/', 'http://0x7f.1/', 'http://0177.0.0.1/', 'http://[::1]/'],
    ...['http://[::ffff:127.0.0.1]/', 'http://169.254.169.254/latest/meta-data', 'http://localhost/'],
  ])('%s is not asked', async (url) => {
    await expect(fetchBytes(url)).rejects.toMatchObject({ code: 'FETCH_ADDRESS' });
  });

  it('a name that leads inside is refused before anything connects', async () => {
    await expect(fetchBytes(`${base}/a.png`)).rejects.toMatchObject({ code: 'FETCH_ADDRESS' });
    expect(asked).toEqual([]);
    const error = await new Promise((done) => publicLookup('localhost', { all: true }, (fault) => done(fault)));
    expect(String(error)).toContain('not a public address');
  });
});

describe('limits', () => {
  const code = (path: string, limits = {}): Promise<unknown> =>
    fetchBytes(`${base}${path}`, { ...LOCAL, ...limits }).then(
      ({ bytes }) => bytes.length,
      (error: { code: string }) => error.code,
    );

  it('follows redirects, and checks every hop again', async () => {
    expect(await code('/to-a')).toBe(PNG.length);
    expect(await code('/loop')).toBe('FETCH_REDIRECTS');
    expect(asked.filter((path) => path === '/loop')).toHaveLength(6);
    expect(await code('/inside')).toBe('FETCH_ADDRESS');
    expect(await code('/metadata')).toBe('FETCH_ADDRESS');
    expect(await code('/file')).toBe('FETCH_URL');
  });

  it('stops at sizes, times and answers that are none', async () => {
    expect(await code('/said-large')).toBe('FETCH_TOO_LARGE');
    expect(await code('/large', { maxBytes: 4999 })).toBe('FETCH_TOO_LARGE');
    expect(await code('/large', { maxBytes: 5000 })).toBe(5000);
    expect(await code('/slow', { timeout: 0.2 })).toBe('FETCH_TIMEOUT');
    expect(await code('/broken')).toBe('FETCH_FAILED');
    expect(await code('/gzip')).toBe('FETCH_FAILED');
    expect(await code('/none')).toBe('FETCH_STATUS');
    for (const url of ['ftp://example.org/a', 'file:///etc/passwd', 'not a url', 'http://user:pass@example.org/'])
      await expect(fetchBytes(url)).rejects.toMatchObject({ code: 'FETCH_URL' });
  });
});

it.each([
  ['101 Switching Protocols', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'],
  ['nothing', ''],
  ['half a head', 'HTTP/1.1 200 OK\r\nContent-Le'],
  ['less than it promised', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc'],
])('settles where a server answers %s and goes', async (_name, answer) => {
  const rude = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(answer));
  });
  await new Promise<void>((done) => void rude.listen(0, '127.0.0.1', done));
  try {
    const { port } = rude.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}/a.png`;
    await expect(fetchBytes(url, { allow: ['127.0.0.1'], timeout: 20 })).rejects.toMatchObject({
      code: expect.stringMatching(/FETCH_(STATUS|FAILED)/),
    });
  } finally {
    rude.close();
  }
});

it('a conversion fetches what is asked for once, and leaves out the rows that fail', async () => {
  const cache = join(folder, 'cache');
  process.env.WINNOW_CACHE = cache;
  const row = (id: string, path: string): object => ({
    id,
    image: `${base}${path}`,
    conversations: [
      { from: 'human', value: '<image>\nWhat?' },
      { from: 'gpt', value: id },
    ],
  });
  const input = join(folder, 'in.json');
  writeFileSync(input, JSON.stringify([row('a', '/a.png'), row('b', '/page'), row('c', '/to-a'), row('d', '/none')]));
  try {
    const plain = await convertDataset({ input, output: join(folder, 'plain.jsonl') });
    expect(plain.rows).toBe(4);
    expect(asked).toEqual([]);
    const dry = await convertDataset({ input, output: join(folder, 'dry.jsonl'), fetch: LOCAL, dryRun: true });
    expect(dry.rows).toBe(4);
    expect(asked).toEqual([]);
    const result = await convertDataset({ input, output: join(folder, 'out', 'data.jsonl'), fetch: LOCAL });
    expect(result).toMatchObject({ rows: 2, media: 'link', mediaFiles: 2, lost: [] });
    expect(result.quarantined.map(({ id, code, reason }) => [id, code, reason.split(': ').at(-1)])).toEqual([
      ['b', 'MEDIA_FETCH_FAILED', 'The server sends a page, not an image or video.'],
      ['d', 'MEDIA_FETCH_FAILED', 'The server answers 404.'],
    ]);
    const written = readFileSync(join(folder, 'out', 'data.jsonl'), 'utf8')
      .trim()
      .split('\n');
    for (const { image } of written.map((line) => JSON.parse(line) as { image: string })) {
      expect(existsSync(join(folder, 'out', image))).toBe(true);
      expect(image).toMatch(/^images\/[0-9a-f]{64}\.png$/);
    }
    asked = [];
    await convertDataset({ input, output: join(folder, 'again.jsonl'), fetch: LOCAL });
    expect(asked.sort()).toEqual(['/none', '/page']);
  } finally {
    delete process.env.WINNOW_CACHE;
  }
});
