import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openProject } from '../project.ts';
import { saveSelection } from '../selections.ts';
import { exportSelection } from './export.ts';
import { collectGarbage } from './gc.ts';
import { importDataset } from './import.ts';

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

it('fetches what the selection names, and gc removes it once no row names it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'winnow-export-fetch-'));
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url!);
    if (request.url === '/c.png') response.writeHead(404).end();
    else response.end(PNG);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const base = `http://localhost:${(server.address() as AddressInfo).port}`;
  const turns = [
    { from: 'human', value: '<image>\nWhat?' },
    { from: 'gpt', value: 'It.' },
  ];
  const rows = ['a', 'b', 'c'].map((id) => ({ id, image: `${base}/${id}.png`, conversations: turns }));
  const path = join(folder, 'd.json');
  writeFileSync(path, JSON.stringify(rows));
  try {
    await importDataset(folder, { path });
    await using project = await openProject(folder);
    const chosen = { method: 'top', options: {}, seed: 1, requested: 2, perCluster: [], reasons: [] };
    await saveSelection(project, 'best', await project.dataset(), { ...chosen, kept: Int32Array.from([2, 0]) });
    const plain = await exportSelection(project, { images: 'copy', out: join(folder, 'plain') });
    expect([plain.mediaFiles, asked]).toEqual([0, []]);
    const done = await exportSelection(project, {
      images: 'copy',
      out: join(folder, 'full'),
      fetch: { allow: ['localhost'] },
    });
    expect(asked.toSorted()).toEqual(['/a.png', '/c.png']);
    expect(done).toMatchObject({ mediaFiles: 1, fetched: { urls: 2, fetched: 1, failed: 1 } });
    expect(done.lost.flatMap(({ ids }) => ids)).toEqual(['c']);
    const [c, a] = JSON.parse(readFileSync(done.files[0]!, 'utf8')) as { image: string }[];
    expect(c!.image).toBe(`${base}/c.png`);
    expect(readFileSync(join(done.out, a!.image))).toEqual(PNG);

    expect((await collectGarbage(project)).garbage).toEqual([]);
    writeFileSync(path, JSON.stringify(rows.slice(1)));
    await project.addDataset({ path });
    const { garbage } = await collectGarbage(project);
    expect(garbage.filter(({ kind }) => kind === 'media')).toHaveLength(1);
    expect(readdirSync(project.paths.media).filter((name) => name.endsWith('.png'))).toEqual([]);
  } finally {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
