import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import tar from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { openProject } from '../store/project.ts';
import { importDataset } from '../store/verbs/import.ts';
import { duplicateKey } from './checks/duplicate-keys.ts';
import { doctor } from './doctor.ts';
import { savedResult } from './result.ts';

const room = (): string => mkdtempSync(join(tmpdir(), 'winnow-doctor-'));

function planted(folder = room()): string {
  const turns = (answer: string) => [
    { from: 'human', value: '<image>\nWhat is it?' },
    { from: 'gpt', value: answer },
  ];
  const rows = [
    { id: 'good', image: 'a.png', conversations: turns('A cat.') },
    { id: 'empty', image: 'a.png', conversations: turns(' ') },
    { id: 'padded', image: 'a.png', conversations: turns(' A cat. ') },
    { id: 'two', image: ['a.png', 'b.png'], conversations: turns('A cat.') },
  ];
  const path = join(folder, 'data.json');
  writeFileSync(path, `[${rows.map((row) => JSON.stringify(row)).join(',\n')},\n{"id": "cut", "image": ]\n`);
  cpSync('examples/nlvr/images', join(folder, 'images'), { recursive: true });
  const image = readdirSync(join(folder, 'images'), { recursive: true }).find((name) => String(name).endsWith('.png'))!;
  for (const name of ['a.png', 'b.png']) cpSync(join(folder, 'images', String(image)), join(folder, name));
  return path;
}

const ONLY = ['D001', 'D006', 'D101', 'D205'];

describe('doctor', () => {
  it('prints findings with exactly the promised keys first', async () => {
    const { findings } = await doctor(null, { path: planted(), only: ONLY });
    expect(findings.map((finding) => Object.keys(finding).slice(0, 5))).toEqual(
      findings.map(() => ['code', 'severity', 'count', 'sample_ids', 'fixable']),
    );
    expect(
      findings.map(({ code, severity, count, sample_ids, fixable }) => [code, severity, count, sample_ids, fixable]),
    ).toEqual([
      ['D001', 'error', 1, ['cut'], false],
      ['D006', 'error', 1, ['empty'], true],
      ['D101', 'error', 1, ['two'], false],
      ['D205', 'warn', 1, ['padded'], true],
    ]);
  });

  it('lists what it could not ask, and runs the rest', async () => {
    const { notRun } = await doctor(null, { path: planted(), skip: ['D203'] });
    expect(notRun.map(({ code }) => code)).toContain('D402');
    expect(notRun.map(({ code }) => code)).not.toContain('D203');
    const known = await doctor(null, { path: planted(), target: 'qwen3-vl,llama-factory', only: ['D004', 'D402'] });
    expect([known.notRun, known.target]).toEqual([[], 'qwen3-vl,llama-factory']);
  });

  it('logs what the format reads and has no place for', async () => {
    const path = join(room(), 'data.json');
    const conversations = ['system', 'human', 'gpt'].map((from) => ({ from, value: `${from} says ` }));
    writeFileSync(path, JSON.stringify([{ id: 'told', conversations }]));
    const { fixed } = await doctor(null, { path, fix: true, out: `${path}-fixed`, only: ['D205'] });
    const log = readFileSync(fixed!.log, 'utf8').trim().split('\n');
    expect(log.map((line) => JSON.parse(line) as { code: string; was: string })).toMatchObject([
      { code: 'D205' },
      { id: 'told', code: 'FORMAT_CANNOT_HOLD', was: 'system turn' },
    ]);
    expect(fixed!.changed).toEqual({ D205: 1 });
  });

  it('writes a new version and leaves the old one alone', async () => {
    const path = planted();
    const digest = (): string => createHash('sha256').update(readFileSync(path)).digest('hex');
    const before = digest();
    const out = join(room(), 'new');
    const { fixed } = await doctor(null, { path, only: ONLY, fix: true, out });
    expect(digest()).toBe(before);
    expect(fixed).toMatchObject({ rows: 2, changed: { D205: 1 }, dropped: { D001: 1, D006: 1, D101: 1 }, lost: [] });
    const log = readFileSync(fixed!.log, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(log.map(({ id, code, is }) => [id, code, is === null])).toEqual([
      ['empty', 'D006', true],
      ['padded', 'D205', false],
      ['two', 'D101', true],
      ['cut', 'D001', true],
    ]);
    expect((await doctor(null, { path: out, only: ONLY })).findings).toEqual([]);
    await expect(doctor(null, { path, only: ONLY, fix: true, out })).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' });
  });

  it.each([
    ['\ufeff[ROW]', 'byte-order mark'],
    ['[ROW,\n]\n', 'a comma stands before'],
    ['[ROW]\n{}', 'text stands behind'],
    ['[ROW,\n,ROW]', '2 commas stand between this row'],
    ['[ROW\nROW]', 'no comma stands between this row'],
    ['[,ROW]', '1 comma stands before the first row'],
  ])('finds what is wrong around the records: %j', async (text, said) => {
    const path = join(room(), 'whole.json');
    const row = { id: 'x', conversations: ['human', 'gpt'].map((from) => ({ from, value: 'Hi.' })) };
    writeFileSync(path, text.replaceAll('ROW', JSON.stringify(row)));
    const { findings } = await doctor(null, { path, only: ['D001'] });
    expect(findings[0]!.details[0]).toContain(said);
  });

  it('does not take the key of a row that is set aside for the id of another', async () => {
    const path = join(room(), 'x.tar');
    const pack = tar.pack();
    pack.entry({ name: 'c.json' }, JSON.stringify({ messages: [{ role: 'user', content: '<image>Hi' }] }));
    pack.finalize();
    writeFileSync(path, await buffer(pack));
    const { findings } = await doctor(null, { path, only: ['D002', 'D101'] });
    expect(findings.map(({ code, sample_ids }) => [code, sample_ids])).toEqual([['D101', ['c']]]);
  });

  it('examines a file none of whose rows can be used', async () => {
    const path = join(room(), 'bad.jsonl');
    writeFileSync(
      path,
      `${JSON.stringify({ id: 'x', image: ['a', 'b'], conversations: [{ from: 'human', value: '<image>' }] })}\n`,
    );
    const { findings } = await doctor(null, { path, only: ['D003', 'D101'] });
    expect(findings.map(({ code, sample_ids }) => [code, sample_ids])).toEqual([
      ['D003', ['x']],
      ['D101', ['x']],
    ]);
  });

  it('keeps the result in a project and imports the new version under its name', async () => {
    const folder = room();
    await importDataset(folder, { path: planted() });
    const { fixed } = await doctor(folder, { only: ONLY, fix: true });
    expect(existsSync(fixed!.path)).toBe(true);
    await using project = await openProject(folder);
    expect(project.config().datasets.map(({ name }) => name)).toEqual(['data', 'data-fixed']);
    expect(savedResult(project, await project.dataset())?.findings.map(({ code }) => code)).toEqual(ONLY);
    expect(savedResult(project, await project.dataset('data-fixed'))).toBeUndefined();
  });

  it('keeps a whole examination when only some checks are made after it', async () => {
    const folder = room();
    await importDataset(folder, { path: planted() });
    await using project = await openProject(folder);
    const saved = async () => savedResult(project, await project.dataset());
    await doctor(project, { only: ['D003'] });
    expect(await saved()).toMatchObject({ partial: true });
    const whole = await doctor(project);
    expect(whole.findings.length).toBeGreaterThan(1);
    for (const some of [{ only: ['D003'] }, { skip: ['D003'] }, { limit: 1 }]) await doctor(project, some);
    expect((await saved())!.findings).toEqual(whole.findings);
    expect((await saved())!.partial).toBeUndefined();
  });

  it('names every new version anew', async () => {
    const folder = room();
    await importDataset(folder, { path: planted() });
    const fix = { only: ['D205'], fix: true, out: undefined };
    const names = [await doctor(folder, fix), await doctor(folder, fix)].map(({ fixed }) => fixed!.dataset);
    expect(names).toEqual(['data-fixed', 'data-fixed-2']);
  });

  it('refuses what it does not know', async () => {
    const path = planted();
    await expect(doctor(null, { path, target: 'gpt-9' })).rejects.toMatchObject({
      code: 'TARGET_UNKNOWN',
      exitCode: 2,
    });
    await expect(doctor(null, { path, only: ['D999'] })).rejects.toMatchObject({ code: 'CODE_UNKNOWN', exitCode: 2 });
    await expect(doctor(null, { path, fix: true })).rejects.toMatchObject({ code: 'OPTION_INVALID', exitCode: 2 });
  });
});

describe('duplicateKey', () => {
  it('finds none in any JSON text that was written from a value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(0, 1), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(duplicateKey(Buffer.from(text), JSON.parse(text))).toBeUndefined();
      }),
    );
  });

  it('finds a key that is put in a second time', () => {
    fc.assert(
      fc.property(fc.string(), fc.jsonValue(), (key, value) => {
        const name = JSON.stringify(key);
        const text = `{"in": [{${name}: ${JSON.stringify(value)} , ${name}\n: 1}]}`;
        expect(duplicateKey(Buffer.from(text), JSON.parse(text))).toBe(key);
      }),
    );
  });
});
