import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { resolveMedia } from '../../dataset/media/media.ts';
import { openProject } from '../project.ts';
import { collectGarbage } from './gc.ts';
import { importDataset } from './import.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'winnow-import-find-'));
  path = join(folder, 'data.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function put(...files: string[]): void {
  for (const file of files) {
    mkdirSync(join(folder, file, '..'), { recursive: true });
    writeFileSync(join(folder, file), file);
  }
}

function rows(...images: string[]): void {
  const records = images.map((image, i) => ({
    id: `r${i}`,
    image,
    conversations: [
      { from: 'human', value: '<image>\nWhat?' },
      { from: 'gpt', value: 'A' },
    ],
  }));
  writeFileSync(path, JSON.stringify(records));
}

it('names the command that finds the images, and what that finds is where every later opening finds it', async () => {
  put('pics/00/a.jpg', 'pics/01/b.jpg', 'pics/02/c.jpg', 'pics/03/c.jpg', 'pics/here.jpg');
  rows('/old/a.jpg', 'D:\\old\\B.JPG', 'old/c.jpg', 'old/gone.jpg', 'old/here.jpg', 'pics/here.jpg');
  const { looked } = await importDataset(folder, { path, name: 'it' });
  // One of them is there, so that the media root is not the fault of all.
  expect(looked).toMatchObject({ images: 6, missing: 5, hint: undefined });
  rows('/old/a.jpg', 'D:\\old\\B.JPG', 'old/c.jpg', 'old/gone.jpg');
  const lost = await importDataset(folder, { path, name: 'it' });
  expect(lost.looked.hint?.text).toContain('2 of the 4 are under');
  expect(lost.looked.hint?.command).toBe(`winnow import ${path} --name it --find-media`);

  rows('/old/a.jpg', 'D:\\old\\B.JPG', 'old/c.jpg', 'old/gone.jpg', 'old/here.jpg', 'pics/here.jpg');
  const found = await importDataset(folder, { path, name: 'it', findMedia: true });
  expect(found.foundMedia).toEqual({
    found: 2,
    ambiguous: [
      { path: 'old/c.jpg', files: ['pics/02/c.jpg', 'pics/03/c.jpg'] },
      // Another path leads to that file already.
      { path: 'old/here.jpg', files: ['pics/here.jpg'] },
    ],
    missing: ['old/gone.jpg'],
  });
  await using project = await openProject(folder);
  const dataset = await project.dataset('it');
  expect(resolveMedia(dataset, { path: '/old/a.jpg' })).toMatchObject({ path: join(folder, 'pics/00/a.jpg') });
  expect(resolveMedia(dataset, { path: 'D:\\old\\B.JPG' })).toMatchObject({ path: join(folder, 'pics/01/b.jpg') });
  expect(() => resolveMedia(dataset, { path: 'old/c.jpg' })).toThrow('no file');
  expect((await collectGarbage(project)).garbage.filter(({ kind }) => kind === 'media')).toEqual([]);
});

it('says that images are links that leave the media root, and the command that allows them', async () => {
  const outside = mkdtempSync(join(tmpdir(), 'winnow-outside-'));
  try {
    writeFileSync(join(outside, 'a.jpg'), 'a');
    symlinkSync(join(outside, 'a.jpg'), join(folder, 'a.jpg'));
    rows('a.jpg');
    const { looked } = await importDataset(folder, { path });
    expect(looked.hint?.text).toContain(`"allow: [${outside}]"`);
    expect(looked.hint?.command).toBe(`winnow import ${path} --allow ${outside}`);
    const allowed = await importDataset(folder, { path, allow: [outside] });
    expect(allowed.looked).toMatchObject({ images: 1, missing: 0 });
  } finally {
    rmSync(outside, { recursive: true, force: true });
  }
});
