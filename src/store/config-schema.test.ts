import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { parse } from 'yaml';
import { configSchema } from './config-schema.ts';
import { openProject } from './project.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

it('the shipped schema is the one that the code checks by (vitest -u writes it anew)', async () => {
  await expect(configSchema()).toMatchFileSnapshot('../../schema/winnow.schema.json');
});

it('a new project names the schema in its first line, and has it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'winnow-schema-'));
  folders.push(folder);
  await using project = await openProject(folder, { create: true });
  const text = readFileSync(join(folder, 'winnow.yaml'), 'utf8');
  const path = /^# yaml-language-server: \$schema=(.+)\n/.exec(text)?.[1];
  expect(readFileSync(join(project.folder, path!), 'utf8')).toBe(configSchema());
  const fields = JSON.parse(configSchema()) as { properties: object; required: string[] };
  expect(Object.keys(fields.properties)).toEqual(expect.arrayContaining(Object.keys(parse(text))));
  // A file without these is filled with defaults, so that an editor must not ask for them.
  expect(fields.required).toEqual(['version']);
});
