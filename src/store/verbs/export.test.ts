import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openProject } from '../project.ts';
import { saveSelection } from '../selections.ts';
import { exportSelection } from './export.ts';

it('writes the chosen samples in their order, with their images, and says what it would lose', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'winnow-export-'));
  mkdirSync(join(folder, 'i'));
  const rows = ['a', 'b', 'c'].map((id) => {
    writeFileSync(join(folder, 'i', `${id}.jpg`), id);
    return {
      id,
      image: `i/${id}.jpg`,
      conversations: [
        { from: 'human', value: '<image>\nHm?' },
        { from: 'gpt', value: id },
      ],
    };
  });
  writeFileSync(join(folder, 'd.json'), JSON.stringify(rows));
  await using project = await openProject(folder, { create: true });
  const dataset = await project.addDataset({ path: join(folder, 'd.json') });
  await expect(exportSelection(project)).rejects.toMatchObject({ code: 'SELECTION_MISSING' });
  const reasons = [0, 1, 2].map((row) => ({ row, kept: row !== 1, code: 'x' }));
  const chosen = {
    method: 'top',
    options: {},
    seed: 1,
    requested: 2,
    kept: Int32Array.from([2, 0]),
    perCluster: [],
    reasons,
  };
  await saveSelection(project, 'best', dataset, chosen);

  const tried = await exportSelection(project, { format: 'folder', dryRun: true });
  expect(tried).toMatchObject({
    selection: 'best',
    rows: 2,
    lost: [{ what: 'conversation that is not a caption', count: 2 }],
  });
  expect(existsSync(join(folder, 'export'))).toBe(false);

  const done = await exportSelection(project, { images: 'copy' });
  expect(done).toMatchObject({
    format: 'llava',
    rows: 2,
    mediaFiles: 2,
    lost: [],
    out: join(folder, 'export', 'best'),
  });
  const written = JSON.parse(readFileSync(done.files[0]!, 'utf8')) as { id: string; image: string }[];
  expect(written.map(({ id }) => id)).toEqual(['c', 'a']);
  expect(readFileSync(join(done.out, written[0]!.image), 'utf8')).toBe('c');

  writeFileSync(join(folder, 'd.json'), JSON.stringify(rows.slice(0, 2)));
  await project.addDataset({ path: join(folder, 'd.json') });
  await expect(exportSelection(project)).rejects.toMatchObject({ code: 'SELECTION_STALE' });
});
