import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { resolveMedia } from '../../dataset/media/media.ts';
import { openProject } from '../project.ts';
import { importDataset } from './import.ts';

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

it('fetched media belong to the project: read without the network, noted, tried again only where they failed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'winnow-import-fetch-'));
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url!);
    if (request.url === '/a.png') response.end(PNG);
    else response.writeHead(500).end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const base = `http://localhost:${(server.address() as AddressInfo).port}`;
  const rows = ['a', 'b'].map((id) => ({
    id,
    image: `${base}/${id}.png`,
    conversations: [
      { from: 'human', value: '<image>\nWhat?' },
      { from: 'gpt', value: id },
    ],
  }));
  const path = join(folder, 'd.json');
  writeFileSync(path, JSON.stringify(rows));
  try {
    expect(await importDataset(folder, { path })).not.toHaveProperty('fetched');
    // Without leave, the server of this machine is a private address.
    const refused = await importDataset(folder, { path, fetch: {} });
    expect(refused.fetched).toMatchObject({ urls: 2, failed: 2 });
    expect(asked).toEqual([]);
    const found = await importDataset(folder, { path, fetch: { allow: ['localhost'] } });
    expect(found.fetched).toEqual({ urls: 2, fetched: 1, cached: 0, failed: 1, bytes: PNG.length });
    expect(found.quarantined).toMatchObject([{ row: 1, id: 'b', code: 'MEDIA_FETCH_FAILED' }]);
    server.closeAllConnections();
    server.close();
    await using project = await openProject(folder);
    const dataset = await project.dataset();
    const media = resolveMedia(dataset, { path: `${base}/a.png` });
    expect(media.kind === 'file' ? readFileSync(media.path) : undefined).toEqual(PNG);
    expect(() => resolveMedia(dataset, { path: `${base}/b.png` })).toThrow(
      'could not be fetched: The server answers 500.',
    );
    expect(() => resolveMedia(dataset, { path: `${base}/c.png` })).toThrow('nothing is fetched unasked');
    expect((await project.lineage()).filter(({ kind }) => kind === 'fetch')).toHaveLength(2);
    const notes = readFileSync(join(project.paths.media, 'fetched.jsonl'), 'utf8').trim().split('\n');
    expect(notes.map((line) => (JSON.parse(line) as { url: string }).url)).toEqual([`${base}/a.png`]);
  } finally {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
