import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { selectors } from './registry.ts';

it('has the options of every method', () => {
  const source = readFileSync(new URL('./method-request.ts', import.meta.url), 'utf8');
  const named = [...source.matchAll(/^ {2}'?([a-z0-9-]+)'?: \w+Options;$/gm)].map(([, name]) => name);
  expect(named.sort()).toEqual(selectors.map(({ name }) => name).sort());
});
