import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { convertDataset } from '../dataset/verbs/convert.ts';
import { writeReport } from '../report/write.ts';
import { sourcesAround } from './outputs.ts';
import { openProject, type Project } from './project.ts';
import { saveSelection } from './selections.ts';
import { exportSelection } from './verbs/export.ts';
import { filterProject } from './verbs/filter.ts';

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const ROWS = [0, 1].map((n) => ({
  id: `r${n}`,
  messages: [
    { role: 'user', content: '<image>What?' },
    { role: 'assistant', content: 'A kite.' },
  ],
  images: [`images/${n}.png`],
}));

let folder: string;
let source: string;
let text: string;
let project: Project;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'winnow-outputs-'));
  mkdirSync(join(folder, 'images'));
  for (const n of [0, 1]) writeFileSync(join(folder, `images/${n}.png`), PNG);
  source = join(folder, 'data.json');
  text = JSON.stringify(ROWS);
  writeFileSync(source, text);
  project = await openProject(folder, { create: true });
  const dataset = await project.addDataset({ name: 'data', path: source });
  await saveSelection(project, 's', dataset, {
    method: 'random',
    options: {},
    seed: 42,
    requested: 1,
    kept: Int32Array.from([1]),
    perCluster: [],
    reasons: [0, 1].map((row) => ({ row, kept: row === 1, code: 'kept' })),
  });
});
afterEach(async () => {
  await project.close();
  rmSync(folder, { recursive: true });
});

const linked = (make: (from: string, to: string) => void): string => {
  const path = join(folder, 'link.json');
  make(source, path);
  return path;
};
const refused = (code: string) => expect.objectContaining({ code });

describe('the source of a data set', () => {
  it.each([
    ['its folder', () => folder],
    ['its name', () => source],
    ['a path with ..', () => join(folder, 'images', '..', 'data.json')],
    ['a symbolic link to it', () => linked(symlinkSync)],
    ['a hard link to it', () => linked(linkSync)],
  ])('is never replaced by way of %s', async (_, out) => {
    const path = out();
    for (const force of [false, true]) {
      await expect(exportSelection(project, { format: 'sharegpt', out: path, force })).rejects.toEqual(
        refused('OUTPUT_IS_INPUT'),
      );
      await expect(filterProject(project, { sql: 'row = 0', out: path, force, to: 'sharegpt' })).rejects.toEqual(
        refused('OUTPUT_IS_INPUT'),
      );
    }
    if (path.endsWith('.json'))
      await expect(writeReport(project, { out: path, force: true })).rejects.toEqual(refused('OUTPUT_IS_INPUT'));
    expect(readFileSync(source, 'utf8')).toBe(text);
  });

  it('is kept by commands without a project, in whatever project it lies', async () => {
    const input = join(folder, 'other.json');
    writeFileSync(input, JSON.stringify(ROWS.slice(1)));
    for (const output of [source, input]) {
      await expect(
        convertDataset({ input, output, to: 'sharegpt', force: true, protect: sourcesAround('/', output) }),
      ).rejects.toEqual(refused('OUTPUT_IS_INPUT'));
    }
    expect(readFileSync(source, 'utf8')).toBe(text);
  });

  it('is kept with winnow.yaml and what lies in .winnow', async () => {
    for (const out of ['winnow.yaml', '.winnow/lineage.jsonl']) {
      const before = readFileSync(join(folder, out), 'utf8');
      await expect(writeReport(project, { out: join(folder, out), force: true })).rejects.toEqual(
        refused('OUTPUT_IS_INPUT'),
      );
      expect(readFileSync(join(folder, out), 'utf8').startsWith(before)).toBe(true);
    }
  });
});

it('images that rows name are never replaced by rendered ones of the same name', async () => {
  const out = join(folder, 'sub.json');
  const render = { maxPixels: 4 };
  writeFileSync(join(folder, 'images/1.png'), readFileSync('examples/shapes/images/0001.png'));
  const before = readFileSync(join(folder, 'images/1.png'));
  await expect(
    exportSelection(project, { format: 'sharegpt', out, images: 'copy', render, force: true }),
  ).rejects.toEqual(refused('OUTPUT_IS_INPUT'));
  expect(readFileSync(join(folder, 'images/1.png'))).toEqual(before);
  expect(existsSync(out)).toBe(false);
});

describe('an output', () => {
  it('is replaced by the command that made it, until somebody has edited it', async () => {
    const out = join(folder, 'page.html');
    await writeReport(project, { out });
    await writeReport(project, { out, title: 'Another' });
    writeFileSync(out, `${readFileSync(out, 'utf8')}<!-- by hand -->`);
    await expect(writeReport(project, { out })).rejects.toEqual(refused('OUTPUT_EXISTS'));
    await writeReport(project, { out, force: true });
    expect(readFileSync(out, 'utf8').slice(-200)).not.toContain('by hand');
  });

  it('never takes the place of a file of somebody else', async () => {
    const out = join(folder, 'export');
    mkdirSync(out);
    for (const name of ['data.json', 'dataset_info.json']) {
      const mine = JSON.stringify({ data: { file_name: 'mine.json' } });
      writeFileSync(join(out, name), mine);
      await expect(exportSelection(project, { format: 'sharegpt', out })).rejects.toEqual(refused('OUTPUT_EXISTS'));
      expect(readFileSync(join(out, name), 'utf8')).toBe(mine);
      rmSync(join(out, name));
      expect(existsSync(join(out, 'data.json'))).toBe(false);
    }
    await exportSelection(project, { format: 'sharegpt', out });
    await exportSelection(project, { format: 'sharegpt', out });
    rmSync(join(out, 'data.json'));
    // A hard link to the source would have been written through: the medium is a file of its own.
    rmSync(join(out, 'images/1.png'));
    writeFileSync(join(out, 'images/1.png'), 'mine');
    await expect(exportSelection(project, { format: 'sharegpt', out })).rejects.toEqual(refused('OUTPUT_EXISTS'));
    expect(readFileSync(join(out, 'images/1.png'), 'utf8')).toBe('mine');
  });

  it.each(['/dev/null', '/proc/winnow', '/proc/winnow/out.json', '/sys/x', '/dev/x/y.json'])(
    'is never %s',
    async (out) => {
      for (const force of [false, true]) {
        await expect(writeReport(project, { out, force })).rejects.toEqual(refused('OUTPUT_NOT_A_FILE'));
        await expect(exportSelection(project, { format: 'sharegpt', out, force })).rejects.toEqual(
          refused('OUTPUT_NOT_A_FILE'),
        );
      }
    },
  );
});

it('another file under the name of a data set is refused without replace', async () => {
  const other = join(folder, 'other.json');
  writeFileSync(other, text);
  await expect(project.addDataset({ name: 'data', path: other })).rejects.toEqual(refused('DATASET_EXISTS'));
  await project.addDataset({ name: 'data', path: source });
  await project.addDataset({ name: 'data', path: other }, { replace: true });
  expect(project.config().datasets.map(({ path }) => path)).toEqual(['other.json']);
});
