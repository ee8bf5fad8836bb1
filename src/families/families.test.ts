import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FAMILIES, familyNamed, familyOfType } from './families.ts';

const WORKER = fileURLToPath(new URL('../../worker/winnow_worker/families/', import.meta.url));
const MODELS = fileURLToPath(new URL('../../docs/models.md', import.meta.url));

describe('records of model families', () => {
  it('have names, model types and checkpoints of their own', () => {
    for (const names of [
      FAMILIES.map(({ name }) => name),
      FAMILIES.flatMap(({ modelTypes }) => modelTypes),
      FAMILIES.flatMap(({ checkpoints }) => checkpoints.map(({ name }) => name)),
    ]) {
      expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
    }
  });

  it.each(FAMILIES.map((family) => [family.name, family] as const))(
    '%s is found by all that it is called',
    (name, family) => {
      expect(existsSync(new URL(`${name}.json`, import.meta.url))).toBe(true);
      for (const type of family.modelTypes) expect(familyOfType(type)).toBe(family);
      for (const checkpoint of family.checkpoints) expect(familyNamed(checkpoint.name)).toBe(family);
    },
  );

  it.each(FAMILIES.filter(({ components }) => components !== undefined))(
    '$name has its file in the worker',
    async ({ name }) => {
      const file = join(WORKER, `${name.replace(/\W/g, '_')}.py`);
      expect(await readFile(file, 'utf8')).toMatch(/^FAMILY = /m);
    },
  );

  it.each(FAMILIES)('$name stands in docs/models.md', async ({ name, title, components, inProcess }) => {
    const row = (await readFile(MODELS, 'utf8')).split('\n').find((line) => line.startsWith(`| ${title} |`));
    const cells = row?.split('|').map((cell) => cell.trim());
    expect([cells?.[2], cells?.[4], cells?.[5]]).toEqual([
      `\`${name}\``,
      inProcess === undefined ? '' : 'yes',
      components === undefined ? '' : expect.stringMatching(/^(yes|parts known, losses not tested)$/),
    ]);
  });
});
