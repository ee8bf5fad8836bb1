import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { anchorsOf, documents, linksOf, readDocument } from './markdown.ts';

const ROOT = path.resolve(import.meta.dirname, '..');

it.each(documents())('links of %s point at what exists', (name) => {
  const broken = linksOf(readDocument(name)).filter(({ target }) => {
    const [file = '', anchor] = decodeURI(target).split('#');
    const at = file === '' ? name : path.join(file.startsWith('/') ? '.' : path.dirname(name), file);
    if (!fs.existsSync(path.join(ROOT, at))) return true;
    return anchor !== undefined && at.endsWith('.md') && !anchorsOf(readDocument(at)).has(anchor);
  });
  expect(broken).toEqual([]);
});
