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
    const lines = Object.entries(await collect(fileURLToPath(new URL('../goldens', import.meta.url))));
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

  it('reads ids in the order of the file, and goes by order alone where values differ by little', async () => {
    const ids = ['90', '7', '55', '8', '41', '40'];
    const byId = (values: number[]): string => `{${ids.map((id, i) => `"${id}": ${values[i]}`).join(', ')}}`;
    const fixture = (instability: number[], rows: number[]): string =>
      `{"inputs": {"cluster_of": ${byId([0, 0, 0, 4, 4, 4])}, "instability": ${byId(instability)},
        "row_of": ${byId([0, 1, 2, 3, 4, 5])}, "text_only_ids": ["t", "t", "u"], "percentage": 25},
        "outputs": {"selected_rows_in_order": [${rows}], "budget": 2}}`;
    expect(
      await run({
        'xmas/ties.json': fixture([1, 1, 1, 2, 2, 2], [0, 3]),
        'xmas/near.json': fixture([20.0000012, 20.0000006, 20.0000009, -1, -3, 2], [1, 4]),
      }),
    ).toEqual({ 'xmas/near.json': 'ok', 'xmas/ties.json': 'ok' });
  });

  it('takes weights of checkpoints in the order of the file', async () => {
    const less = `{"inputs": {"train": {"a@9": [[1, 0]], "a@2": [[0, 1]]}, "val": {"9": [[1, 0]], "2": [[0, 1]]},
      "checkpoint_weights": [3, 1], "subtasks": 1, "percentage": 1}, "outputs": {"scores": {"a": [1]}}}`;
    const differing = less.replace('"a@2": [[0, 1]]', '"a@2": [[1, 0]]').replace('"a": [1]', '"a": [0.75]');
    // Terms of 1 that cancel leave the rounding of single precision.
    const cancelling = `{"inputs": {"train": {"a@9": [[1, 0], [1, -1]]}, "val": {"9": [[1, 1]]}, "checkpoint_weights": [1],
      "subtasks": 1, "percentage": 1}, "outputs": {"scores": {"a": [1, 1.5e-6]}}}`;
    expect(await run({ 'less/a.json': less, 'less/b.json': differing, 'less/c.json': cancelling })).toEqual({
      'less/a.json': 'ok',
      'less/b.json': 'ok',
      'less/c.json': 'ok',
    });
  });

  it('orders clusters of one size by the labels that the fixture names', async () => {
    const trajectories = [10, 10, 10, 50, 50, 50].map((level, i) => [level, level + i]);
    const inputs = { trajectories, k: 2, percentage: 34, text_only: 0 };
    const outputs = {
      instability: [0, 1, 2, 3, 4, 5],
      partition: [
        [3, 4, 5],
        [0, 1, 2],
      ],
      faiss_labels: [1, 1, 1, 0, 0, 0],
      selected_rows_in_order: [3, 0],
    };
    const mixed = {
      ...outputs,
      partition: [
        [0, 1, 2, 3],
        [4, 5],
      ],
    };
    const lines = await run({
      'xmas/a.json': { inputs, outputs },
      // faiss may end in a worse optimum, which no one has to share.
      'xmas/b.json': { inputs, outputs: mixed },
    });
    expect(lines).toEqual({ 'xmas/a.json': 'ok', 'xmas/b.json': 'ok' });
  });

  it('knows that a sketch of rank 5 finds less than there is, and clusters of two rows that are dropped', async () => {
    const identity = Array.from({ length: 16 }, (_, i) => Array.from({ length: 4 }, (_, j) => Number(i % 4 === j)));
    const inputs = { q_proj: [identity], k_proj: [identity], image_cols: [0, 7], text_rows_from: 8 };
    const range = (high: number) => ({ svd_lowrank_q5_top5_sum_range_over_50_seeds: [0.1, high] });
    const lines = await run({
      'xmas/below.json': { inputs, outputs: range(0.2) },
      'xmas/above.json': { inputs, outputs: range(20) },
      'xmas/small.json': {
        inputs: { image_cluster_size: 2, text_only: 10, percentage: 100 },
        outputs: { official_exception: 'ValueError' },
      },
    });
    expect(lines['xmas/below.json']).toBe('ok');
    expect(lines['xmas/above.json']).toMatch(/FAIL: official_top5_sum: .* is less than/);
    expect(lines['xmas/small.json']).toBe('ok');
  });

  it('counts in the order of operations of the published code', async () => {
    const rows = Array.from({ length: 100 }, (_, row) => [row]);
    const inputs = { influence: { task: rows }, top_percent: 29 };
    expect(await run({ 'icons/a.json': { inputs, outputs: { k: 28 } } })).toEqual({ 'icons/a.json': 'ok' });
    // The last 0 rows of a list are all of it.
    const few = { cond_loss: [1, 2, 9], direct_loss: [2, 3, 1], sample_rate: 0.1 };
    const keeps = (rows: number[]) => ({ inputs: few, outputs: { selected_rows: rows } });
    const ifd = await run({ 'ifd/all.json': keeps([0, 1]), 'ifd/none.json': keeps([]), 'ifd/one.json': keeps([1]) });
    expect(ifd).toMatchObject({
      'ifd/all.json': 'ok',
      'ifd/none.json': 'ok',
      'ifd/one.json': expect.stringMatching(/FAIL/),
    });
  });

  it('knows all ways of sorting and keeping of SemDeDup, with twins', async () => {
    // Rows 0 and 1 are twins; 2 lies nearest to the centroid.
    const inputs = {
      embeddings: [
        [1, 0],
        [1, 0],
        [0.6, 0.8],
      ],
      centroids: [[0.6, 0.8]],
      cluster: [0, 0, 0],
      eps: [0.1],
    };
    const of = (order: number[], kept: number[]) => ({ order: { 0: order }, kept: { '0.1': kept } });
    const outputs = {
      'sort_hard+keep_hard(default)': of([0, 1, 2], [0, 2]),
      'sort_hard+keep_easy': of([0, 1, 2], [2, 1]),
      'sort_easy+keep_hard': of([2, 0, 1], [2, 0]),
      'sort_easy+keep_easy': of([2, 0, 1], [1, 2]),
    };
    expect(await run({ 'semdedup/a.json': { inputs, outputs } })).toEqual({ 'semdedup/a.json': 'ok' });
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
    expect(differs('x', 2 ** 70, 2 ** 70 * (1 + 1e-7))).toBeUndefined();
    // What single precision can't hold beside a number a million times as large.
    expect(differs('x', [1.5, 1.5e-6], [1.5, 1.6e-6])).toBeUndefined();
    expect(differs('x', [1.5, 1.5e-5], [1.5, 1.6e-5])).toBe('x[1]: expected 0.000015, got 0.000016');
    expect(differs('x', [1, 2], [2, 1])).toBe('x[0]: expected 1, got 2');
    expect(differs('x', [1], [1, 2])).toContain('1 against 2 values');
    expect(differs('x', { a: 1, b: 2 }, { b: 2, a: 1 })).toBeUndefined();
    expect(differs('x', { a: 1 }, { a: 1, b: 2 })).toContain('x.b');
  });

  it('allows half a unit of the last decimal that is listed', () => {
    expect(differs('x', [0.007807], [0.0078065011], { decimals: 6 })).toBeUndefined();
    expect(differs('x', [0.007807], [0.0078064], { decimals: 6 })).toBeDefined();
    expect(differs('x', 0, 4e-7, { decimals: 6 })).toBeUndefined();
  });

  it('allows what sums in single precision lose beside the largest of their list', () => {
    expect(differs('x', [-16.5, 0.01], [-16.5, 0.010001], { ofLargest: 1e-6 })).toBeUndefined();
    expect(differs('x', [-16.5, 0.01], [-16.5, 0.0101], { ofLargest: 1e-6 })).toBeDefined();
    expect(differs('x', { a: [20], b: [0.01] }, { a: [20], b: [0.010001] }, { ofLargest: 1e-6 })).toBeDefined();
  });

  it('reads what has no number as Python writes it', () => {
    expect(
      differs('x', ['NaN', null, '-Infinity'], [Number.NaN, Number.NaN, Number.NEGATIVE_INFINITY]),
    ).toBeUndefined();
    expect(differs('x', ['NaN'], [0])).toBe('x[0]: expected "NaN", got 0');
    expect(differs('x', [1], [Number.NaN])).toBeDefined();
  });
});
