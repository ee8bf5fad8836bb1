import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { datasetColumns } from '../dataset.ts';
import { createIdTable } from '../index/id-table.ts';
import { openDataset } from './open.ts';

const room = (): string => mkdtempSync(join(tmpdir(), 'winnow-open-'));
const row = (id: unknown, answer = 'Red.', image = 'coco/a.jpg') => ({
  id,
  image,
  conversations: [
    { from: 'human', value: '<image>\nWhat colour is the kite?' },
    { from: 'gpt', value: answer },
  ],
});
const file = (name: string, content: string | Buffer): string => {
  const path = join(room(), name);
  writeFileSync(path, content);
  return path;
};

describe('openDataset', () => {
  it('gives stable rows with ids, hashes, sources and text', async () => {
    const rows = [
      row('a'),
      row('a'),
      row(7),
      row(undefined),
      {
        ...row('t'),
        image: undefined,
        conversations: [
          { from: 'human', value: 'Hi' },
          { from: 'gpt', value: 'Ho' },
        ],
      },
      row('a~2'),
    ];
    const path = file('x.json', JSON.stringify(rows));
    const dataset = await openDataset(path);
    expect(dataset.detected).toContain('JSON array, records have "conversations" and "image"');
    expect(dataset.ids).toEqual(['a', 'a~2', '7', 'x.json#3', 't', 'a~2~2']);
    expect(dataset.rowOf('7')).toBe(2);
    expect(dataset.rowOf('no')).toBe(-1);
    expect(new Set(dataset.ids.map((_, i) => dataset.rowHash(i))).size).toBe(6);
    expect(datasetColumns(dataset)).toMatchObject({
      textOnly: new Uint8Array([0, 0, 0, 0, 1, 0]),
      source: ['coco', 'coco', 'coco', 'coco', null, 'coco'],
    });
    const [last, first] = await dataset.get([5, 0]);
    expect([last?.id, first?.id]).toEqual(['a~2~2', 'a']);
    const batches = [];
    for await (const batch of dataset.batches({ size: 4, start: 1 }))
      batches.push([batch.start, batch.samples.map((sample) => sample?.id)]);
    expect(batches).toEqual([
      [1, ['a~2', '7', 'x.json#3', 't']],
      [5, ['a~2~2']],
    ]);
    await dataset.close();
  });

  it.each([
    ['lines', [row('a'), row('b')].map((r) => JSON.stringify(r)).join('\n')],
    [
      'lines with CRLF, a byte-order mark and blank lines',
      `\uFEFF${[row('a'), row('b')].map((r) => JSON.stringify(r)).join('\r\n\r\n')}\r\n`,
    ],
    ['an indented array', JSON.stringify([row('a'), row('b')], null, 2)],
    ['an array with a row a line', `[\n${JSON.stringify(row('a'))},\n${JSON.stringify(row('b'))}\n]\n`],
    ['objects over several lines', [row('a'), row('b')].map((r) => JSON.stringify(r, null, 2)).join('\n')],
  ])('reads %s', async (_what, text) => {
    const dataset = await openDataset(file('x.json', text));
    expect(dataset.ids).toEqual(['a', 'b']);
    expect(dataset.quarantined).toEqual([]);
    expect((await dataset.get([1]))[0]?.messages[1]?.parts).toEqual([{ type: 'text', text: 'Red.' }]);
  });

  it('has the same content hash for the same samples however they are laid out', async () => {
    const a = await openDataset(file('x.json', JSON.stringify([row('a'), row('b')], null, 3)));
    const b = await openDataset(file('y.jsonl', [row('a'), row('b')].map((r) => JSON.stringify(r)).join('\n')));
    const c = await openDataset(file('x.json', JSON.stringify([row('a'), row('b', 'Blue.')])));
    expect(a.hash).toBe(b.hash);
    expect(a.rowHash(0)).toBe(c.rowHash(0));
    expect(a.hash).not.toBe(c.hash);
  });

  it('quarantines bad rows with reason and place, and reads on', async () => {
    const good = JSON.stringify(row('a'));
    const lines = [
      good,
      good.slice(0, 40),
      '{"id": "n", "image": NaN, "conversations": [{"from":"human","value":"NaN?"},{"from":"gpt","value":"y"}]}',
      JSON.stringify({ ...row('two'), image: ['a.jpg', 'b.jpg'] }),
      '[1]',
      JSON.stringify({ id: 'r', conversations: [{ from: 'robot', value: 'x' }] }),
    ];
    const dataset = await openDataset(file('x.jsonl', lines.join('\n')));
    expect(dataset.rows).toBe(6);
    expect(dataset.quarantined.map(({ row: r, id, code }) => [r, id, code])).toEqual([
      [1, 'a~2', 'RECORD_DAMAGED'],
      [3, 'two', 'PLACEHOLDER_COUNT'],
      [4, 'x.jsonl#4', 'RECORD_SHAPE'],
      [5, 'r', 'ROLE_UNKNOWN'],
    ]);
    expect(dataset.quarantined[1]!.reason).toContain('1 <image> placeholder for 2 image files');
    expect(dataset.quarantined[0]!.reason).toContain(`byte ${good.length + 1}`);
    expect(await dataset.get([1, 2])).toMatchObject([null, { id: 'n' }]);
  });

  it('quarantines a row that is nested too deeply', async () => {
    const deep = `{"id": "deep", "x": ${'['.repeat(100_000)}${']'.repeat(100_000)}, "conversations": []}`;
    const dataset = await openDataset(
      file('x.jsonl', [JSON.stringify(row('a')), deep, JSON.stringify(row('b'))].join('\n')),
    );
    expect(dataset.quarantined).toMatchObject([
      { row: 1, id: 'deep', code: expect.stringMatching(/RECORD_TOO_DEEP|RECORD_DAMAGED/) },
    ]);
    expect(dataset.ids).toEqual(['a', 'deep', 'b']);
  });

  it('refuses a media root that is not there', async () => {
    const path = file('x.json', JSON.stringify([row('a')]));
    await expect(openDataset(path, { images: '/no/such/folder' })).rejects.toMatchObject({
      code: 'MEDIA_ROOT_MISSING',
    });
  });

  it('keeps only the damaged row of an array out', async () => {
    const texts = [row('a'), row('b'), row('c')].map((r) => JSON.stringify(r));
    const dataset = await openDataset(
      file('x.json', `[${texts[0]},\n${texts[1]!.replace('"gpt"', '"gpt')},\n${texts[2]}]`),
    );
    expect(dataset.quarantined).toHaveLength(1);
    expect(dataset.rowOf('c')).toBe(dataset.rows - 1);
  });

  it.each([
    ['', 'FILE_EMPTY'],
    ['  \n', 'FILE_EMPTY'],
    ['[]', 'FORMAT_UNKNOWN'],
    ['hello', 'NOT_JSON'],
    ['[{"a": 1}]', 'FORMAT_UNKNOWN'],
    ['{"a": 1}', 'FORMAT_UNKNOWN'],
    [`[${JSON.stringify(row('a'))}, {"id": "b", "im`, 'FILE_TRUNCATED'],
    [`[${JSON.stringify(row('a'))}`, 'FILE_TRUNCATED'],
    [Buffer.from([0xff, 0xfe, 0x5b, 0]), 'FILE_ENCODING'],
    ['[{"conversations": [{"from": "hum', 'FILE_TRUNCATED'],
    ['[{"conversations": 3}]', 'FORMAT_UNKNOWN'],
  ])('refuses %j with %s', async (content, code) => {
    await expect(openDataset(file('x.json', content))).rejects.toMatchObject({
      code,
      where: { file: expect.stringContaining('x.json') },
    });
  });

  it('opens from its saved index, and makes it again when it is stale or damaged', async () => {
    const path = file('x.jsonl', [row('a'), row('é')].map((r) => JSON.stringify(r)).join('\n'));
    const cacheDir = room();
    let built = 0;
    const open = async () => {
      const dataset = await openDataset(path, { cacheDir, progress: () => built++ });
      const seen = {
        hash: dataset.hash,
        ids: [...dataset.ids],
        row: dataset.rowOf('é'),
        sample: (await dataset.get([1]))[0]?.id,
      };
      await dataset.close();
      return seen;
    };
    const first = await open();
    const times = built;
    expect(await open()).toEqual(first);
    expect(built).toBe(times);
    const saved = join(cacheDir, readdirSync(cacheDir)[0]!);
    truncateSync(saved, statSync(saved).size - 5);
    expect(await open()).toEqual(first);
    expect(built).toBeGreaterThan(times);
    appendFileSync(path, `\n${JSON.stringify(row('c'))}`);
    expect((await open()).ids).toEqual(['a', 'é', 'c']);
  });

  it('says so when the file changes under an open data set', async () => {
    const path = file('x.jsonl', JSON.stringify(row('a')));
    const dataset = await openDataset(path);
    appendFileSync(path, '\n');
    await expect(dataset.get([0])).rejects.toMatchObject({ code: 'DATASET_CHANGED' });
  });

  it("honours LLaMA-Factory's registry for a folder and for a file beside it", async () => {
    const folder = room();
    writeFileSync(
      join(folder, 'dataset_info.json'),
      JSON.stringify({
        other: { file_name: 'gone.json' },
        mine: {
          file_name: 'd.json',
          formatting: 'sharegpt',
          columns: { messages: 'chat', images: 'pics' },
          tags: { role_tag: 'who', content_tag: 'says', user_tag: 'me', assistant_tag: 'you' },
        },
      }),
    );
    writeFileSync(
      join(folder, 'd.json'),
      JSON.stringify([
        {
          chat: [
            { who: 'me', says: '<image>Hm?' },
            { who: 'you', says: 'Ah.' },
          ],
          pics: 'p.jpg',
          kept: 1,
        },
      ]),
    );
    for (const path of [folder, join(folder, 'd.json')]) {
      const dataset = await openDataset(path);
      expect(dataset.detected).toContain('entry "mine"');
      expect((await dataset.get([0]))[0]).toMatchObject({
        media: { images: [{ path: 'p.jpg' }] },
        meta: { kept: 1 },
        messages: [{ role: 'user' }, { role: 'assistant' }],
      });
    }
  });

  it('reads a folder of images, with captions and classes where there are any', async () => {
    const folder = room();
    mkdirSync(join(folder, 'cats'));
    for (const name of ['a.jpg', 'b.PNG', 'cats/c.webp', 'notes.md']) writeFileSync(join(folder, name), 'x');
    writeFileSync(join(folder, 'a.txt'), ' A kite.\n');
    writeFileSync(join(folder, 'metadata.jsonl'), '{"file_name": "b.PNG", "text": "A bench.", "stars": 3}\n');
    const dataset = await openDataset(folder);
    expect(dataset.ids).toEqual(['a.jpg', 'b.PNG', 'cats/c.webp']);
    const [a, b, c] = await dataset.get([0, 1, 2]);
    expect(a!.messages[1]!.parts).toEqual([{ type: 'text', text: 'A kite.' }]);
    expect([b!.messages[1]!.parts[0], b!.meta]).toEqual([{ type: 'text', text: 'A bench.' }, { stars: 3 }]);
    expect(c).toMatchObject({
      messages: [{ role: 'user', parts: [{ type: 'image', image: 0 }] }],
      meta: { category: 'cats' },
    });
    expect(c!.messages).toHaveLength(1);
  });
});

it('keeps any ids, tells them apart and finds them again', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string(), fc.constantFrom('a', 'a~2', 'a~3', '')), { maxLength: 60 }), (given) => {
      const table = createIdTable();
      const ids = given.map((id) => table.add(id));
      expect(new Set(ids).size).toBe(given.length);
      for (const each of [table, createIdTable(table.freeze())]) {
        expect(ids.map((id) => each.rowOf(id))).toEqual(ids.map((_, row) => row));
        expect(ids.map((_, row) => each.at(row))).toEqual(ids);
        expect(each.rowOf('not there')).toBe(-1);
      }
    }),
  );
});

it('takes one line for a file of lines where its name says so', async () => {
  const folder = room();
  const row = {
    messages: [
      { role: 'user', content: '<image>Where?' },
      { role: 'assistant', content: '<bbox>' },
    ],
    images: ['a.png'],
    objects: { ref: [], bbox: [[1, 2, 3, 4]] },
  };
  for (const name of ['one.jsonl', 'one.ndjson']) {
    writeFileSync(join(folder, name), `${JSON.stringify(row)}\n`);
    const dataset = await openDataset(join(folder, name));
    expect(dataset).toMatchObject({ format: 'swift', rows: 1 });
    await dataset.close();
  }
});
