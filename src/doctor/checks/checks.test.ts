import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { CASES, type Case } from '../../../test/doctor-cases.ts';
import { doctor } from '../doctor.ts';
import { allChecks } from '../examine.ts';
import { columnMap } from './column-map.ts';
import { grounding } from './grounding.ts';
import { ids } from './ids.ts';
import { mentions } from './mentions.ts';
import { objectTags } from './object-tags.ts';
import { references } from './references.ts';
import { structure } from './structure.ts';
import { text } from './text.ts';
import { thinking } from './thinking.ts';

const root = mkdtempSync(join(tmpdir(), 'winnow-doctor-'));

beforeAll(async () => {
  const make = (width: number, height: number) => sharp({ create: { width, height, channels: 3, background: '#468' } });
  await make(640, 480).png().toFile(join(root, 'a.png'));
  await make(640, 480).png().toFile(join(root, 'b.png'));
  await make(560, 280).png().toFile(join(root, 'fit.png'));
  await make(640, 480).jpeg().withMetadata({ orientation: 6 }).toFile(join(root, 'turned.jpg'));
});

async function run(name: string, rows: readonly string[], { target }: Case, fix = false) {
  const folder = join(root, name);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'data.json');
  writeFileSync(path, `[\n${rows.join(',\n')}\n]\n`);
  return doctor(null, {
    path,
    images: root,
    format: 'llava',
    target,
    only: [name.slice(0, 4)],
    fix: fix || undefined,
    out: fix ? join(root, `${name}-fixed`) : undefined,
  });
}

/** The file's own name of a row. */
function idOf(text: string, at: number): string {
  return /^\{"id": ?"([^"]+)"/.exec(text)?.[1] ?? `data.json#${at}`;
}

describe.each(Object.entries(CASES))('%s', (code, one) => {
  const rows = [...(one.beside ?? []), ...one.sound, ...one.faulty];

  it('finds every planted fault and nothing else', async () => {
    const { findings, notRun } = await run(code, rows, one);
    const due = rows.flatMap((text, at) =>
      one.faulty.includes(text) && at >= rows.length - one.faulty.length ? [idOf(text, at)] : [],
    );
    expect(notRun).toEqual([]);
    expect(findings.map((finding) => [finding.code, finding.count, finding.sample_ids])).toEqual([
      [code, due.length, due],
    ]);
    expect(findings[0]!.details.every((detail) => detail !== '')).toBe(true);
  });

  it('says nothing about sound rows alone', async () => {
    const { findings } = await run(`${code}-sound`, [...(one.beside ?? []), ...one.sound], one);
    expect(findings).toEqual([]);
  });

  it.runIf(one.fixed !== false)('is gone from the fixed version', async () => {
    const { fixed, rows: before } = await run(`${code}-fix`, rows, one, true);
    const again = await doctor(null, { path: fixed!.path, format: 'llava', target: one.target, only: [code] });
    expect(again.findings).toEqual([]);
    const done = readFileSync(fixed!.log, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { code: string; is: unknown });
    const changes = done.filter((change) => change.code === code);
    expect(changes.length).toBe(one.faulty.length);
    expect(fixed!.rows).toBe(before - changes.filter(({ is }) => is === null).length);
  });
});

it('has planted faults for every check of its groups', () => {
  const groups = [structure, ids, references, text, mentions, thinking, grounding, objectTags];
  expect(groups.flatMap(({ checks }) => checks.map(({ code }) => code)).sort()).toEqual(Object.keys(CASES).sort());
  // Its fixture is a registry beside the file: see column-map.test.ts.
  expect(columnMap.checks.map(({ code }) => code)).toEqual(['D008']);
});

it('documents every check with its level', () => {
  const page = readFileSync('docs/doctor.md', 'utf8');
  for (const { code, severity, title } of allChecks()) expect(page).toContain(`| ${code} | ${severity} | ${title} |`);
});
