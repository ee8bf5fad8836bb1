import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { questions } from '../formats/questions.ts';
import { mediaHint } from './media-hint.ts';

let folder: string;
let data: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'winnow-hint-'));
  data = join(folder, 'project', 'data.json');
  mkdirSync(dirname(data));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function put(...files: string[]): void {
  for (const file of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), 'x');
  }
}

const hint = (paths: string[], format = {}) => mediaHint(paths, { mediaRoot: dirname(data), path: data }, format);

describe('where none of the images is found, what is proposed', () => {
  it('is the folder from which the paths lead to files', () => {
    put('images/a.jpg', 'images/b.jpg');
    expect(hint(['images/a.jpg', 'images/b.jpg'])).toMatchObject({ found: 2, images: folder });
    put('project/coco/train/1.jpg', 'project/coco/train/2.jpg');
    expect(hint(['1.jpg', '2.jpg'])).toMatchObject({ found: 2, images: join(folder, 'project/coco/train') });
    expect(hint(['train/1.jpg', 'train/2.jpg'])).toEqual({
      found: 2,
      images: join(folder, 'project/coco'),
      example: { path: 'train/1.jpg', file: 'train/1.jpg' },
    });
  });

  it('is to look for the files by name where the folders or the names are others', () => {
    put('project/new/00/aa.jpg', 'project/new/01/bb.jpg', 'project/new/02/Ce.JPG');
    const byName = { images: undefined, findMedia: true };
    expect(hint(['/mnt/old/x/aa.jpg', '/mnt/old/y/bb.jpg'])).toMatchObject({ found: 2, ...byName });
    expect(hint(['C:\\pics\\aa.jpg', 'C:\\pics\\bb.jpg'])).toMatchObject({ found: 2, ...byName });
    expect(hint(['ce.jpg'])).toMatchObject({ found: 1, ...byName, example: { path: 'ce.jpg', file: 'new/02/Ce.JPG' } });
    expect(hint(['../../aa.jpg', 'https://host/bb.jpg'])).toMatchObject({ found: 1, ...byName });
  });

  it('is nothing where no file has the name, or several have it', () => {
    put('project/a/1.jpg', 'project/b/1.jpg');
    expect(hint(['x/1.jpg'])).toBeUndefined();
    expect(hint(['none.jpg'])).toBeUndefined();
    expect(hint(['https://host/1.jpg'])).toBeUndefined();
  });

  it("is the split by which NLVR's pictures are called, and their folder", () => {
    put('project/dev/images/3/dev-10-3-0.png', 'project/dev/images/4/dev-11-0-0.png', 'project/test/test-10-3-0.png');
    const paths = ['images/3/my-file-10-3-0.png', 'images/4/my-file-11-0-0.png'];
    expect(hint(paths, questions)).toMatchObject({
      found: 2,
      options: { split: 'dev' },
      images: join(folder, 'project/dev'),
    });
  });
});
