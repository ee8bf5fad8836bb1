import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { similarPath } from './similar-path.ts';

const root = mkdtempSync(join(tmpdir(), 'winnow-similar-'));
mkdirSync(join(root, 'img'));
for (const name of ['Mu\u0308ller.png', 'D.JPG', 'two words.png', '50%off.png'])
  writeFileSync(join(root, 'img', name), '');

it.each([
  ['img/M\u00fcller.png', 'img/Mu\u0308ller.png', 'in another Unicode normal form'],
  ['img/d.jpg', 'img/D.JPG', 'in other case'],
  ['IMG/d.jpg', 'img/D.JPG', 'in other case'],
  ['img/two%20words.png', 'img/two words.png', 'with %-codes decoded'],
  ['.\\img\\D.JPG', 'img/D.JPG', 'with slashes for backslashes'],
  ['img\\d.jpg', 'img/D.JPG', 'with slashes for backslashes, in other case'],
])('finds what %s means', (asked, path, how) => {
  expect(similarPath(root, asked)).toEqual({ path, how });
});

it('finds nothing where there is nothing, nor outside of the root', () => {
  for (const asked of ['img/other.png', '../x.png', 'img', 'img/D.JPG'])
    expect(similarPath(root, asked)).toBeUndefined();
});
