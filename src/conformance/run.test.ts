import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { differs } from './compare.ts';
import { type ConformanceOptions, runConformance } from './run.ts';

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'winnow-conformance-'));
});
afterAll(() => rm(root, { recursive: true }));

/** Lines of a run over files written for the purpose. */
async function run(files: Record<string, unknown>, options: ConformanceOptions = {}): Promise<Record<string, string>> {
  const dir = await mkdtemp(join(root, 'case-'));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(dir, name, '..'), { recursive: true });
    await writeFile(join(dir, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return collect(dir, options);
}

async function collect(dir: string, options: ConformanceOptions = {}): Promise<Record<string, string>> {
  const lines: Record<string, string> = {};
  for await (const { name, status, detail } of runConformance(dir, options)) {
    lines[name] = detail === undefined ? status : `${status}: ${detail}`;
  }
  return lines;
}

const inputs = {
  visnec: [0.1, 0.9, -0.5, -0.9, 0.3, 0.2, 0.25],
  cluster_id: [4, 4, 7, 7, 7, 9, 9],
  embeddings: [],
  kmeans: 'sklearn MiniBatchKMeans',
  top_ratio: 0.5,
};
const outputs = { selected_rows: [1, 4, 6], n_selected: 3 };

describe('conformance', () => {
  it('passes the fixtures of this repository', async () => {
    const lines = Object.entries(await collect(fileURLToPath(new URL('../../test/goldens', import.meta.url))));
    // Folders without any check hold what tests of their own read.
    const folderOf = (name: string): string => name.slice(0, name.indexOf('/'));
    const checked = new Set(lines.filter(([, line]) => line === 'ok').map(([name]) => folderOf(name)));
    const bad = lines.filter(
      ([name, line]) => line.startsWith('FAIL') || (line !== 'ok' && checked.has(folderOf(name))),
    );
    expect(bad).toEqual([]);
    expect(lines.map(([name]) => name)).toContain('visnec/paper_variants.json');
  });

  it('knows counts by cluster in every form', async () => {
    const forms: [unknown, unknown][] = [
      [
        { 4: 1, 7: 1, 9: 1 },
        { 4: 2, 7: 3, 9: 2 },
      ],
      [
        [1, 1, 1],
        [2, 3, 2],
      ],
      [
        [0, 0, 0, 0, 1, 0, 0, 1, 0, 1],
        [0, 0, 0, 0, 2, 0, 0, 3, 0, 2],
      ],
      [
        [
          [4, 1],
          [7, 1],
          [9, 1],
        ],
        { 0: 0, 4: 2, 7: 3, 9: 2 },
      ],
    ];
    for (const [n_per_cluster, cluster_sizes] of forms) {
      const lines = await run({ 'visnec/a.json': { inputs, outputs: { ...outputs, n_per_cluster, cluster_sizes } } });
      expect(lines['visnec/a.json']).toBe('ok');
    }
  });

  it('says what differs', async () => {
    const wrong = await run({
      'visnec/rows.json': { inputs, outputs: { ...outputs, selected_rows: [1, 3, 6] } },
      'visnec/count.json': { inputs, outputs: { ...outputs, n_selected: 4 } },
      'visnec/length.json': { inputs: { ...inputs, cluster_id: [0] }, outputs },
      'visnec/text.json': { inputs: { ...inputs, visnec: ['x'] }, outputs },
    });
    expect(wrong['visnec/rows.json']).toBe('FAIL: selected_rows[1]: expected 3, got 4');
    expect(wrong['visnec/count.json']).toBe('FAIL: n_selected: expected 4, got 3');
    expect(wrong['visnec/length.json']).toMatch(/^FAIL: .*cluster.* 1 rows, but the pool has 7/);
    expect(wrong['visnec/text.json']).toMatch(/^FAIL: visnec\[0\] is no number/);
  });

  it('reads what Python writes, and puts NaN last', async () => {
    const text =
      '{"note": "NaN is last", "inputs": {"visnec": [NaN, -1, -Infinity, 2], "cluster_id": [0,0,0,0], "ratio": 0.5}, "outputs": {"selected_rows": [1, 3]}}';
    expect(await run({ 'visnec/python.json': text })).toEqual({ 'visnec/python.json': 'ok' });
  });

  it('fails what is damaged, skips what it does not know, ignores what is no fixture', async () => {
    const files = {
      'visnec/broken.json': '{"inputs": ',
      'visnec/empty.json': '',
      'visnec/list.json': [1, 2],
      'visnec/other.json': { inputs: { ...inputs, more: 1 }, outputs },
      'visnec/array.npy': '\u0093NUMPY',
      'visnec/README.md': '# notes',
      'visnec/deeper/x.json': '{}',
      'unheard/of.json': { inputs, outputs },
      'beside.json': '{}',
    };
    const lines = await run(files);
    expect(Object.keys(lines)).toEqual([
      'unheard/of.json',
      'visnec/array.npy',
      'visnec/broken.json',
      'visnec/empty.json',
      'visnec/list.json',
      'visnec/other.json',
    ]);
    expect(lines['visnec/broken.json']).toMatch(/^FAIL: can't be read as JSON/);
    expect(lines['visnec/empty.json']).toBe("FAIL: can't be read as JSON: the file is empty");
    for (const name of ['unheard/of.json', 'visnec/array.npy', 'visnec/list.json', 'visnec/other.json']) {
      expect(lines[name]).toMatch(/^skip: no check/);
    }
    for (const line of Object.values(await run(files, { strict: true }))) expect(line).toMatch(/^FAIL/);
  });

  it('checks formats by file name, and fails them all when their common input is damaged', async () => {
    const lines = await run({ 'formats/neutral.jsonl': 'not json\n', 'formats/llava.json': '[]' });
    expect(lines['formats/llava.json']).toMatch(/^FAIL/);
    expect(lines['formats/neutral.jsonl']).toMatch(/^FAIL/);
  });

  it('needs a folder of folders', async () => {
    await expect(run({ 'alone.json': '{}' })).rejects.toMatchObject({ code: 'FIXTURES_MISSING', exitCode: 2 });
    await expect(collect(join(root, 'nowhere'))).rejects.toMatchObject({ code: 'FIXTURES_MISSING' });
  });
});

describe('differs', () => {
  it('allows a relative 1e-5 for floats and nothing for integers, order and keys', () => {
    expect(differs('x', 1.5, 1.500014)).toBeUndefined();
    expect(differs('x', 1.5, 1.50002)).toBe('x: expected 1.5, got 1.50002');
    expect(differs('x', 100_000, 100_001)).toBeDefined();
    expect(differs('x', [1, 2], [2, 1])).toBe('x[0]: expected 1, got 2');
    expect(differs('x', [1], [1, 2])).toContain('1 against 2 values');
    expect(differs('x', { a: 1, b: 2 }, { b: 2, a: 1 })).toBeUndefined();
    expect(differs('x', { a: 1 }, { a: 1, b: 2 })).toContain('x.b');
  });
});
