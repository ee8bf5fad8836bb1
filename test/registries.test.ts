import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const FOLDERS = ['signals/measured', 'select/methods', 'dataset/formats', 'doctor/checks', 'cli/commands'];
const copy = mkdtempSync(join(tmpdir(), 'winnow-registries-'));
afterAll(() => rmSync(copy, { recursive: true, force: true }));

const script = pathToFileURL(join(ROOT, 'scripts/write-registries.mjs')).href;
const { registries } = (await import(script)) as { registries(root: string): Record<string, string> };

it('are those of the folders', () => {
  for (const [file, text] of Object.entries(registries(ROOT)))
    expect(readFileSync(join(ROOT, file), 'utf8')).toBe(text);
});

it('list a new signal and a new method that are a file each, behind those with a place', () => {
  for (const folder of FOLDERS) cpSync(join(ROOT, 'src', folder), join(copy, 'src', folder), { recursive: true });
  const add = (file: string, text: string): void => writeFileSync(join(copy, 'src', file), text);
  add(
    'signals/measured/dummy.ts',
    "export const dummy: Signal<Params> = {\n  name: 'dummy-signal',\n  version: 1,\n};\n",
  );
  add('select/methods/dummy.ts', "export const dummyMethod: Selector<O> = {\n  name: 'dummy',\n  version: 1,\n};\n");
  const made = registries(copy);
  const signals = made['src/signals/measured/registry.ts'];
  expect(signals).toContain("import { dummy } from './dummy.ts';");
  expect(signals).toContain('  coidoScore as Signal,\n  dummy as Signal,\n];');
  expect(signals).toContain("  | ({ signal: 'dummy-signal' } & OptionsOf<typeof dummy>)");
  expect(made['src/select/methods/registry.ts']).toContain('  dummyMethod as Selector,\n];');

  add('select/methods/again.ts', "export const again: Selector = {\n  name: 'visnec',\n};\n");
  expect(() => registries(copy)).toThrow("both called 'visnec'");
});
