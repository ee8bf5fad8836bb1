import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { npyHeader } from '../../../numeric/npy.ts';
import { runSelection } from '../../../select/run.ts';
import { openProject, type Project } from '../../../store/project.ts';
import { columnsNamed } from '../../../store/signals.ts';
import { projectStatus } from '../../../store/verbs/status.ts';
import { listSignals } from '../../engine/list-signals.ts';
import { exportSignals } from '../export/export-signals.ts';
import { importSignal, type SignalImportRequest } from './import-signal.ts';

/** Five thousand rows, so that there are two shards; "007" and "7" are two ids; row 3 can't be read. */
const ROWS = 5000;
const ids = Array.from({ length: ROWS }, (_, i) => (i === 0 ? '007' : i === 1 ? 'é, "x"' : String(i)));
let folder = '';
let project: Project;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'winnow-import-'));
  const turns = [
    { from: 'human', value: 'Where?' },
    { from: 'gpt', value: 'Here.' },
  ];
  const rows = ids.map((id, i) => ({ id, conversations: i === 3 ? 7 : turns }));
  writeFileSync(join(folder, 'd.json'), JSON.stringify(rows));
  project = await openProject(join(folder, 'p'), { create: true });
  await project.addDataset({ path: join(folder, 'd.json'), format: 'llava' });
});
afterAll(async () => {
  await project.close();
  rmSync(folder, { recursive: true, force: true });
});

const file = (name: string, data: string | Uint8Array): string => {
  writeFileSync(join(folder, name), data);
  return join(folder, name);
};
const lines = (records: readonly unknown[]): string => records.map((record) => `${JSON.stringify(record)}\n`).join('');
const bring = (name: string, data: string | Uint8Array, more: Partial<SignalImportRequest> = {}) =>
  importSignal(project, { file: file(name, data), as: 'mine', ...more });
const values = async (column: string) =>
  (await columnsNamed(project, await project.dataset(), [column])).columns[column]!;
/** Rows from the last to the first, each with what `value` gives it. */
const backwards = (value: (row: number) => object): object[] => ids.map((id, row) => ({ id, ...value(row) })).reverse();

describe('an import', () => {
  it('puts values of JSON lines at their rows, whatever their order and type', async () => {
    const made = await bring(
      'a.jsonl',
      lines(
        backwards((row) => ({
          score: row === 5 ? null : row / 2,
          count: row,
          word: row % 2 === 0 ? `w${row}` : null,
          vector: [row, 0.5, -row],
          losses: Array.from({ length: row % 3 }, (_, i) => row + i),
        })),
      ),
      { note: 'truth of the generator' },
    );
    expect(made).toMatchObject({
      rows: ROWS,
      measured: ROWS,
      missing: 0,
      replaced: false,
      saved: true,
      note: 'truth of the generator',
    });
    expect(made.columns.map(({ name, kind, width }) => [name, kind, width])).toEqual([
      ['score', 'f32', 1],
      ['count', 'f32', 1],
      ['word', 'text', 1],
      ['vector', 'f32', 3],
      ['losses', 'list', 1],
    ]);
    const [score, word, vector, losses] = [
      await values('score'),
      await values('word'),
      await values('vector'),
      await values('mine.losses'),
    ];
    const data = (score as { data: Float32Array }).data;
    expect([data[0], data[4], data[5], data[4999]]).toEqual([0, 2, Number.NaN, 2499.5]);
    expect((word as { data: string[] }).data.slice(0, 3)).toEqual(['w0', null, 'w2']);
    expect([...(vector as { data: Float32Array }).data.subarray(3 * 4998, 3 * 4999)]).toEqual([4998, 0.5, -4998]);
    const { offsets, data: all } = losses as { offsets: Uint32Array; data: Float32Array };
    expect([...all.subarray(offsets[5], offsets[6])]).toEqual([5, 6]);
    const listed = (await listSignals(project)).signals[0]!;
    expect(listed).toMatchObject({
      signal: 'mine',
      rowsDone: ROWS,
      model: null,
      imported: { sha256: made.sha256, note: 'truth of the generator' },
    });
    const chosen = await runSelection(project, {
      method: 'top',
      budget: 3,
      options: { column: 'score', textOnly: 'score' },
      dryRun: true,
    });
    expect(chosen.ids).toEqual(['4999', '4998', '4997']);
    expect(chosen.notes).toContain('Column score was imported: truth of the generator.');
  });

  it('is written the same by all formats, and read back', async () => {
    const names = ['score', 'word', 'vector', 'losses'];
    const before = await Promise.all(names.map(values));
    for (const extension of ['parquet', 'jsonl', 'csv']) {
      const out = join(folder, `out.${extension}`);
      await exportSignals(project, { names, to: out });
      await importSignal(project, {
        file: out,
        as: 'again',
        columns: extension === 'csv' ? ['score', 'word'] : undefined,
      });
      for (const [i, name] of (extension === 'csv' ? ['score', 'word'] : names).entries()) {
        expect(await values(`again.${name}`), `${name} by ${extension}`).toEqual(before[i]);
      }
    }
    expect((await listSignals(project)).signals.filter(({ signal }) => signal === 'again')).toHaveLength(1);
    const array = join(folder, 'vector.npy');
    await exportSignals(project, { names: ['vector'], to: array });
    expect((await importSignal(project, { file: array, as: 'array', dtype: 'f16' })).columns).toEqual([
      { name: 'array', kind: 'f16', width: 3 },
    ]);
    const [whole, halved] = [before[2] as { data: Float32Array }, (await values('array')) as { data: Float32Array }];
    whole.data.forEach((value, i) => {
      if (Math.abs(halved.data[i]! - value) > 2 ** -11 * Math.abs(value)) expect(halved.data[i]).toBe(value);
    });
    expect(readFileSync(array).subarray(0, 6).toString('latin1')).toBe('\x93NUMPY');
  });

  it('takes arrays in the order of the rows', async () => {
    const array = Buffer.concat([
      npyHeader('i4', [ROWS]),
      Buffer.from(Int32Array.from(ids, (_, row) => row * 3).buffer),
    ]);
    await bring('labels.npy', array, { as: 'label' });
    expect(await values('label')).toMatchObject({ kind: 'i32', data: expect.objectContaining({ 4999: 14997 }) });
    const wide = (from: bigint): Buffer => {
      const head = Buffer.from(npyHeader('i4', [ROWS]));
      head.write('8', head.indexOf('i4') + 1);
      return Buffer.concat([
        head,
        Buffer.from(BigInt64Array.from({ length: ROWS }, (_, i) => from + BigInt(i)).buffer),
      ]);
    };
    // Single precision has no 16,777,217.
    await bring('long.npy', wide(16_777_217n), { as: 'long' });
    expect(await values('long')).toMatchObject({ kind: 'i32', data: expect.objectContaining({ 0: 16_777_217 }) });
    await expect(bring('longer.npy', wide(2n ** 31n))).rejects.toMatchObject({ code: 'COLUMN_TYPE', exitCode: 2 });

    const short = Buffer.concat([npyHeader('i4', [7]), Buffer.alloc(28)]);
    await expect(bring('short.npy', short)).rejects.toMatchObject({ code: 'ROWS_MISMATCH', exitCode: 2 });
    await expect(bring('cut.npy', array.subarray(0, 9000))).rejects.toThrow(/cut short/);
    await expect(bring('cube.npy', Buffer.concat([npyHeader('f4', [2, 3, 4]), Buffer.alloc(96)]))).rejects.toThrow(
      /\(2, 3, 4\)/,
    );
  });

  it('says which ids do not fit, unless it is told what to do with them', async () => {
    const all = backwards((row) => ({ x: row }));
    const some = lines(all.filter((_, i) => i !== 7));
    await expect(bring('missing.jsonl', some)).rejects.toMatchObject({
      code: 'IDS_MISSING',
      message: expect.stringContaining('"4992"'),
    });
    const gaps = await bring('missing.jsonl', some, { missing: 'nan' });
    expect(gaps).toMatchObject({ measured: ROWS - 1, missing: 1, empty: { [gaps.signal]: 1 } });
    expect(((await values('mine')) as { data: Float32Array }).data[4992]).toBeNaN();
    const strange = lines([...all, { id: 'stranger', x: 1 }]);
    await expect(bring('unknown.jsonl', strange)).rejects.toMatchObject({
      code: 'IDS_UNKNOWN',
      message: expect.stringContaining('"stranger"'),
    });
    expect(await bring('unknown.jsonl', strange, { unknown: 'ignore' })).toMatchObject({
      measured: ROWS,
      unknown: 1,
      replaced: true,
    });
    const twice = lines([...all, { id: '9', x: -1 }]);
    await expect(bring('twice.jsonl', twice)).rejects.toMatchObject({
      code: 'IDS_DUPLICATE',
      message: expect.stringContaining('"9"'),
    });
    expect(await bring('twice.jsonl', twice, { duplicates: 'first' })).toMatchObject({ duplicates: 1 });
    expect(((await values('mine')) as { data: Float32Array }).data[9]).toBe(9);
    await expect(bring('none.jsonl', lines([...all, { x: 1 }]))).rejects.toMatchObject({ code: 'IDS_EMPTY' });
    // A row that can't be read needs no value.
    await bring('unread.jsonl', lines(all.filter((record) => (record as { id: string }).id !== '3')));
  });

  it('refuses what it can not hold, and stores nothing then', async () => {
    const before = JSON.stringify(await listSignals(project));
    const all = (value: (row: number) => unknown) => lines(backwards((row) => ({ x: value(row) })));
    const refused = (name: string, data: string | Uint8Array, code: string, more: Partial<SignalImportRequest> = {}) =>
      expect(bring(name, data, more), name).rejects.toMatchObject({ code, exitCode: 2 });
    await refused(
      'objects.jsonl',
      all(() => ({ a: 1 })),
      'COLUMN_TYPE',
    );
    await refused(
      'large.jsonl',
      all((row) => 2 ** 40 + row),
      'COLUMN_TYPE',
    );
    await refused(
      'empty-lists.jsonl',
      all(() => []),
      'COLUMN_TYPE',
    );
    await refused('broken.jsonl', `${all((row) => row)}{"id": "9", "x":`, 'SIGNAL_FILE_INVALID');
    await refused('empty.jsonl', '', 'FILE_EMPTY');
    await refused('cut.parquet', readFileSync(join(folder, 'out.parquet')).subarray(0, 500), 'SIGNAL_FILE_INVALID');
    await refused('words.txt', 'hello', 'SIGNAL_FILE_INVALID');
    await refused('ids.jsonl', lines(ids.map((id) => ({ id }))), 'COLUMN_UNKNOWN');
    await refused('named.jsonl', lines([{ name: 'a', x: 1 }]), 'ID_COLUMN_MISSING');
    await refused(
      'chosen.jsonl',
      all((row) => row),
      'COLUMN_UNKNOWN',
      { columns: ['y'] },
    );
    await refused(
      'loss.jsonl',
      all((row) => row),
      'SIGNAL_NAME_TAKEN',
      { as: 'loss' },
    );
    await refused(
      'bad.jsonl',
      all((row) => row),
      'SIGNAL_NAME_INVALID',
      { as: '../x' },
    );
    await expect(importSignal(project, { file: join(folder, 'gone.jsonl'), as: 'x' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await expect(
      bring(
        'fine.jsonl',
        all((row) => row),
        { as: 'dry', dryRun: true },
      ),
    ).resolves.toMatchObject({ saved: false });
    expect(JSON.stringify(await listSignals(project))).toBe(before);
  });
});

describe('an export', () => {
  it('refuses what a format can not hold, unknown columns, and a file that is there', async () => {
    const refused = (to: string, names: string[], code: string) =>
      expect(exportSignals(project, { names, to: join(folder, to) })).rejects.toMatchObject({ code });
    await refused('two.npy', ['score', 'word'], 'FORMAT_CANNOT_HOLD');
    await refused('text.npy', ['word'], 'FORMAT_CANNOT_HOLD');
    await refused('x.xlsx', ['score'], 'FORMAT_UNSAID');
    await refused('x.parquet', ['nothing'], 'COLUMN_MISSING');
    appendFileSync(join(folder, 'out.parquet'), 'edited');
    await refused('out.parquet', ['score'], 'OUTPUT_EXISTS');
  });

  it('gives a whole signal by its name, and everything without one', async () => {
    const { columns } = await exportSignals(project, { names: ['again'], to: join(folder, 'again.jsonl') });
    expect(columns.map(({ name }) => name)).toEqual(['score', 'word']);
    const { columns: all } = await exportSignals(project, { to: join(folder, 'all.parquet') });
    expect(all.map(({ name }) => name)).toEqual(expect.arrayContaining(['mine', 'label', 'array', 'score', 'word']));
  });
});

describe('a table of another program', () => {
  it.each(['csv', 'jsonl', 'parquet'])(
    'keeps its numbers, texts and vectors when exported as %s and brought back',
    async (end) => {
      await bring(
        'own.jsonl',
        lines(
          backwards((row) => ({
            half: row % 7 === 0 ? null : row / 3,
            whole: row - 9,
            say: row % 5 === 0 ? null : row % 2 === 0 ? 'NA' : `said, "${row}"`,
            place: [row / 3, -row],
          })),
        ),
        { as: 'own' },
      );
      const names = ['own.half', 'own.whole', 'own.say', 'own.place'];
      const to = join(folder, `back.${end}`);
      await exportSignals(project, { names, to, force: true });
      const before = await Promise.all(names.map(values));
      await importSignal(project, { file: to, as: 'back' });
      for (const [i, name] of names.entries()) expect(await values(`back.${name}`), name).toEqual(before[i]);
    },
  );

  it('has no number where R or pandas say NA, and no column for an index without a name', async () => {
    const text = ids.map(
      (id, i) => `${i},"${id.replaceAll('"', '""')}",${i % 3 === 0 ? 'NA' : i / 2},${i % 2 === 0 ? 'None' : i}`,
    );
    const made = await bring('na.csv', [',id,score,count', ...text].join('\n'), { as: 'na' });
    expect(made.columns.map(({ name, kind }) => [name, kind])).toEqual([
      ['score', 'f32'],
      ['count', 'f32'],
    ]);
    const score = (await values('na.score')) as { data: Float32Array };
    expect([...score.data.subarray(0, 6)]).toEqual([Number.NaN, 0.5, 1, Number.NaN, 2, 2.5]);
    const chosen = await bring('na.csv', [',id,score,count', ...text].join('\n'), { as: 'na', columns: ['column0'] });
    expect(chosen.columns).toMatchObject([{ kind: 'f32' }]);
  });
});

it('is missing for rows that are added later, which status says with the command', async () => {
  const rows = JSON.parse(readFileSync(join(folder, 'd.json'), 'utf8')) as { id: string }[];
  writeFileSync(join(folder, 'd.json'), JSON.stringify([...rows, { ...rows[0]!, id: 'new' }]));
  await project.close();
  const [signal] = (await projectStatus(project)).datasets[0]!.signals;
  expect(signal).toMatchObject({
    rowsDone: ROWS,
    rows: ROWS + 1,
    imported: true,
    command: expect.stringMatching(/^winnow signals import .* --as/),
  });
  await expect(runSelection(project, { method: 'top', budget: 3, options: { column: 'label' } })).rejects.toMatchObject(
    {
      code: 'SIGNAL_INCOMPLETE',
      hint: expect.stringContaining('winnow signals import'),
    },
  );
});
