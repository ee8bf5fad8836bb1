import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { importSignal } from '../signals/io/import/import-signal.ts';
import { openProject } from './project.ts';
import { projectStatus } from './verbs/status.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'winnow-hostile-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const fifo = (path: string) => spawnSync('sh', ['-c', 'mkfifo "$0"', path]);
const config = (...datasets: string[]) =>
  writeFileSync(
    join(folder, 'winnow.yaml'),
    `version: 1\ndatasets:\n${datasets.map((one) => `  - ${one}\n`).join('')}`,
  );

it.each(['lineage.jsonl', 'selections/a.json', 'locks/x', 'outputs.jsonl'])(
  'refuses a pipe as .winnow/%s',
  async (at) => {
    config();
    mkdirSync(join(folder, '.winnow', at, '..'), { recursive: true });
    fifo(join(folder, '.winnow', at));
    await expect(openProject(folder)).rejects.toMatchObject({ code: 'NOT_A_FILE' });
  },
);

it('refuses a pipe as winnow.yaml', async () => {
  fifo(join(folder, 'winnow.yaml'));
  await expect(openProject(folder)).rejects.toMatchObject({ code: 'NOT_A_FILE' });
});

it('lists data sets that are a device or a pipe as unreadable', async () => {
  fifo(join(folder, 'pipe.json'));
  symlinkSync('/dev/zero', join(folder, 'link.json'));
  config('{name: a, path: /dev/zero}', '{name: b, path: pipe.json}', '{name: c, path: link.json}');
  await using project = await openProject(folder);
  const { unreadable } = await projectStatus(project);
  expect(unreadable.map(({ error }) => error.code)).toEqual(['NOT_A_FILE', 'NOT_A_FILE', 'NOT_A_FILE']);
});

it('refuses aliases that stand for more than memory holds', async () => {
  const lines = Array.from({ length: 12 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(', ')}]`);
  writeFileSync(join(folder, 'winnow.yaml'), `version: 1\na0: &a0 [x]\n${lines.join('\n')}\n`);
  await expect(openProject(folder)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});

it('goes through thousands of data sets in seconds', async () => {
  config(...Array.from({ length: 5000 }, (_, i) => `{name: d${i}, path: data-${i}.json}`));
  await using project = await openProject(folder);
  const began = performance.now();
  expect((await projectStatus(project)).unreadable).toHaveLength(5000);
  expect(performance.now() - began).toBeLessThan(10_000);
});

it('quotes or refuses whatever a column is called', async () => {
  writeFileSync(
    join(folder, 'd.jsonl'),
    ['a', 'b'].map((id) => JSON.stringify({ id, messages: [{ role: 'user', content: 'x' }] })).join('\n'),
  );
  await using project = await openProject(folder, { create: true });
  await project.addDataset({ path: join(folder, 'd.jsonl'), format: 'openai' });
  const codes: string[] = [];
  for (const [i, column] of [
    '',
    '\0',
    'a\0b',
    'x"y',
    'line\nend',
    "it's",
    'row',
    'ID',
    'select',
    ' ',
    '; drop',
  ].entries()) {
    const file = join(folder, `s${i}.jsonl`);
    writeFileSync(file, ['a', 'b'].map((id) => JSON.stringify({ id, [column]: 1, fine: 2 })).join('\n'));
    for (const columns of [undefined, ['fine']])
      codes.push(
        await importSignal(project, { file, as: `s${i}`, columns }).then(
          () => 'ok',
          (error: { code?: string }) => error.code ?? String(error),
        ),
      );
  }
  for (const code of codes) expect(['ok', 'SIGNAL_FILE_INVALID', 'COLUMN_TYPE', 'NAME_INVALID']).toContain(code);
  expect(codes.filter((code) => code === 'ok').length).toBeGreaterThan(10);
});
