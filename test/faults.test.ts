import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { build, COMMAND, type Ran, record, shardsOf, shell, winnow, writeData } from './stress.ts';

/**
 * What can go wrong with disks and files under a project: each is said (what, where, what to do), and nothing that was
 * finished is lost.
 */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 240_000 });
let work = '';

beforeAll(() => {
  build();
  work = fs.mkdtempSync(path.join(os.tmpdir(), 'winnow-faults-'));
  fs.chmodSync(work, 0o755);
});
afterAll(() => {
  spawnSync('chmod', ['-R', 'u+w', work]);
  fs.rmSync(work, { recursive: true, force: true });
});

/** A project over data of its own, `data/` inside it; 600 rows make two shards of losses. */
async function project(name: string, rows = 600): Promise<string> {
  const folder = path.join(work, name);
  await writeData(path.join(folder, 'data'), rows);
  good(await winnow(folder, ['import', 'data/data.json', '--json', '-q']));
  return folder;
}

function good<T = Record<string, unknown>>(ran: Ran): T {
  expect(ran).toMatchObject({ status: 0 });
  return JSON.parse(ran.stdout) as T;
}

interface Fault {
  code: string;
  message: string;
  where: { file: string };
  hint: string;
}

function fault(ran: Ran): Fault {
  expect(ran.status, ran.stdout + ran.stderr).toBe(1);
  return (JSON.parse(ran.stdout) as { error: Fault }).error;
}

const score = ['score', 'loss', '--json', '-q'];
const litter = (folder: string): string[] =>
  (fs.readdirSync(folder, { recursive: true }) as string[]).filter(
    (file) => path.basename(file).startsWith('.tmp-') || /\.winnow\/(locks|tmp)\/./.test(file),
  );

const EXAMPLES = path.resolve(import.meta.dirname, '../examples/shapes');
/** Where a small disk may be mounted in a name space of one's own. */
const canMount =
  process.platform === 'linux' &&
  spawnSync('unshare', ['-rm', 'sh', '-c', 'mount -t tmpfs -o size=64k tmpfs /mnt']).status === 0;

describe('a disk that is full', () => {
  it.runIf(canMount)('ends the run with its name, keeps what is finished, and the next run goes on', async () => {
    const folder = await project('full');
    const whole = await project('full-whole');
    good(await winnow(whole, score));
    const disk = path.join(folder, '.winnow');
    const kept = path.join(work, 'full-kept');
    // A disk of 1 MB, filled to the last byte while the loss is scored; then emptied, and scored again.
    const script = `set -e
      mkdir "${kept}"; cp -a "${disk}/." "${kept}"
      mount -t tmpfs -o size=1m tmpfs "${disk}"; cp -a "${kept}/." "${disk}"
      cat /dev/zero > "${disk}/filler" 2>/dev/null || true
      ${COMMAND} score loss --json -q > "${work}/full-1.json" || echo $? > "${work}/full-1.status"
      ${COMMAND} status --json -q > "${work}/full-2.json"
      rm "${disk}/filler"
      ${COMMAND} score loss --json -q > "${work}/full-3.json"
      rm -r "${kept}"; mkdir "${kept}"; cp -a "${disk}/." "${kept}"`;
    const ran = await shell('unshare', ['-rm', 'sh', '-c', script], { cwd: folder });
    expect(ran).toMatchObject({ status: 0 });
    const told = (JSON.parse(fs.readFileSync(`${work}/full-1.json`, 'utf8')) as { error: Fault }).error;
    expect(told).toMatchObject({ code: 'DISK_FULL', hint: expect.stringMatching(/run the same command again/) });
    expect(told.where.file).toContain(disk);
    expect(JSON.parse(fs.readFileSync(`${work}/full-3.json`, 'utf8'))).toMatchObject({ rowsMissing: 600 });
    const shard = (root: string): Buffer[] =>
      ['signals/loss'].flatMap((at) =>
        fs
          .readdirSync(path.join(root, at))
          .sort()
          .map((file) => fs.readFileSync(path.join(root, at, file))),
      );
    expect(shard(kept)).toHaveLength(2);
    expect(litter(kept)).toEqual([]);
  });

  it.runIf(canMount).each(['out.tar', 'out.tar.gz', 'out.parquet', 'out.jsonl'])(
    'is named by an export to %s, which leaves nothing behind',
    async (file) => {
      const disk = path.join(work, `small-${file}`);
      fs.mkdirSync(disk);
      const data = path.join(EXAMPLES, 'shapes.json');
      const script = `mount -t tmpfs -o size=100k tmpfs "${disk}"
        ${COMMAND} convert "${data}" "${disk}/${file}" --lossy --json -q --media ${file.endsWith('jsonl') ? 'embed' : 'copy'}
        ls -A "${disk}" > "${disk}.left"`;
      const ran = await shell('unshare', ['-rm', 'sh', '-c', script], { cwd: work });
      expect(JSON.parse(ran.stdout)).toMatchObject({
        error: { code: 'DISK_FULL', where: { file: path.join(disk, file) } },
      });
      expect(fs.readFileSync(`${disk}.left`, 'utf8')).toBe('');
    },
  );

  it.skipIf(process.platform === 'win32')('or may not hold so large a file: the same', async () => {
    const folder = await project('limit');
    const run = (limit: string): Promise<Ran> =>
      shell('bash', ['-c', `trap '' XFSZ; ulimit -f ${limit}; ${COMMAND} score loss --json -q`], { cwd: folder });
    expect(fault(await run('1'))).toMatchObject({ code: 'FILE_SIZE_LIMIT', hint: expect.stringMatching(/again/) });
    expect(shardsOf(folder, 'loss')).toEqual([]);
    expect(good(await run('unlimited'))).toMatchObject({ rowsComputed: 600 });
    expect(litter(folder)).toEqual([]);
  });
});

describe.skipIf(process.platform === 'win32')('a project that may only be read', () => {
  /** Root may write everywhere: then the command runs as nobody. */
  const reader = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

  it('is read by whoever may, and says what may not be written', async () => {
    const folder = await project('readonly');
    good(await winnow(folder, ['select', 'random', '-b', '5', '-n', 'five', '--json', '-q']));
    spawnSync('chmod', ['-R', 'a-w,a+rX', folder]);
    const run = (...args: string[]): Promise<Ran> => winnow(folder, [...args, '--json', '-q'], reader);
    expect(good(await run('status'))).toBeDefined();
    expect(good(await run('sql', 'SELECT count(*) AS n FROM samples'))).toBeDefined();
    expect(good(await run('explain', 's-1', '--selection', 'five'))).toBeDefined();
    for (const args of [['score', 'loss'], ['select', 'random', '-b', '5'], ['report'], ['export', 'five']]) {
      const told = fault(await run(...args));
      expect(told, args.join(' ')).toMatchObject({
        code: 'NOT_WRITABLE',
        hint: expect.stringMatching(/permissions/),
        where: { file: expect.stringContaining(folder) },
      });
    }
  });
});

describe('shards', () => {
  it('that were cut short are said and measured again, and the others stay', async () => {
    const folder = await project('cut');
    good(await winnow(folder, score));
    const signals = path.join(folder, '.winnow/signals/loss');
    const [first, second] = shardsOf(folder, 'loss').map((file) => path.join(signals, file)) as [string, string];
    const bytes = fs.readFileSync(second);
    const stays = fs.statSync(first, { bigint: true });
    fs.truncateSync(second, bytes.length - 40);
    const told = fault(await winnow(folder, ['select', 'visnec', '-b', '5', '--json', '-q']));
    expect(told).toMatchObject({ code: 'SIGNAL_INCOMPLETE', where: { file: second } });
    expect(told.message).toMatch(/cut short/);
    const ran = await winnow(folder, ['score', 'loss', '--json']);
    const again = good(ran) as { rowsComputed: number; rowsReused: number };
    expect(again.rowsComputed + again.rowsReused).toBe(/@\d+-0-/.test(second) ? 512 : 88);
    expect(ran.stderr).toMatch(/was cut short or damaged; its rows \d+ to \d+ are measured again/);
    expect(fs.readFileSync(second).equals(bytes)).toBe(true);
    const { ino, mtimeNs } = fs.statSync(first, { bigint: true });
    expect([ino, mtimeNs]).toEqual([stays.ino, stays.mtimeNs]);
  });

  it('that are damaged inside are named, with what to do', async () => {
    const folder = await project('rotten');
    good(await winnow(folder, score));
    const file = path.join(folder, '.winnow/signals/loss', shardsOf(folder, 'loss')[0]!);
    const bytes = fs.readFileSync(file);
    fs.writeFileSync(file, bytes.fill(0xaa, 4, 400));
    const told = fault(await winnow(folder, ['select', 'visnec', '-b', '5', '--json', '-q']));
    expect(told).toMatchObject({
      code: 'SHARD_DAMAGED',
      where: { file },
      hint: expect.stringMatching(/Run "winnow score loss/),
    });
    const again = good(await winnow(folder, score)) as { rowsComputed: number; rowsReused: number };
    expect(again.rowsComputed + again.rowsReused).toBe(/@\d+-0-/.test(file) ? 512 : 88);
    good(await winnow(folder, ['select', 'visnec', '-b', '5', '--json', '-q']));
  });
});

describe('files of a newer Winnow', () => {
  it.each([
    ['winnow.yaml', (text: string) => text.replace('version: 1', 'version: 2'), ['status']],
    ['.winnow/selections/five.json', (text: string) => text.replace('"format": 1', '"format": 9'), ['explain', 's-1']],
  ])('%s is refused and left as it is', async (name, edit, args) => {
    const folder = await project(`newer-${path.basename(name)}`, 16);
    good(await winnow(folder, ['select', 'random', '-b', '5', '-n', 'five', '--json', '-q']));
    const file = path.join(folder, name);
    const text = edit(fs.readFileSync(file, 'utf8'));
    fs.writeFileSync(file, text);
    const told = fault(await winnow(folder, [...args, '--json', '-q']));
    expect(told).toMatchObject({ code: 'FILE_NEWER', where: { file }, hint: expect.stringMatching(/Update/) });
    expect(fs.readFileSync(file, 'utf8')).toBe(text);
  });
});

it('a shard of a newer Winnow is refused and left as it is', async () => {
  const folder = await project('newer-shard', 16);
  good(await winnow(folder, score));
  const file = path.join(folder, '.winnow/signals/loss', shardsOf(folder, 'loss')[0]!);
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run(
    `COPY (FROM read_parquet('${file}')) TO '${file}.new' (FORMAT parquet, KV_METADATA {winnow: '{"format": 2}'})`,
  );
  connection.closeSync();
  fs.renameSync(`${file}.new`, file);
  const bytes = fs.readFileSync(file);
  const told = fault(await winnow(folder, ['select', 'visnec', '-b', '5', '--json', '-q']));
  expect(told).toMatchObject({ code: 'FILE_NEWER', where: { file }, hint: expect.stringMatching(/Update/) });
  expect(fs.readFileSync(file).equals(bytes)).toBe(true);
});

describe('a data set that was changed after its import', () => {
  it('grown: only the new rows are measured', async () => {
    const folder = await project('grown');
    good(await winnow(folder, score));
    const before = shardsOf(folder, 'loss');
    const file = path.join(folder, 'data/data.json');
    fs.writeFileSync(file, JSON.stringify(Array.from({ length: 640 }, (_, i) => record(i))));
    const ran = await winnow(folder, ['score', 'loss', '--json']);
    expect(good(ran)).toMatchObject({ rows: 640, rowsComputed: 40 });
    expect(ran.stderr).toMatch(/was changed since its import: 40 added\./);
    expect(shardsOf(folder, 'loss')).toEqual(expect.arrayContaining(before));
  });

  it('edited: which rows is said, and what no equal row was measured of is measured', async () => {
    const folder = await project('edited');
    good(await winnow(folder, score));
    const rows = Array.from({ length: 600 }, (_, i) => record(i));
    rows[17] = { ...record(17), source: 'mended' };
    rows[21] = { ...record(21), id: 'other' };
    fs.writeFileSync(path.join(folder, 'data/data.json'), JSON.stringify(rows));
    const ran = await winnow(folder, ['score', 'loss', '--json']);
    // The row of another id is the one it was: only the edited one is measured, the rest of its shard taken over.
    expect(good(ran)).toMatchObject({ rowsComputed: 1, rowsReused: 511 });
    expect(ran.stderr).toMatch(/1 edited \(row 17 "s-17"\), 1 added, 1 removed \("s-21"\)/);
    const status = good<{ datasets: { changes: unknown }[] }>(await winnow(folder, ['status', '--json']));
    expect(status.datasets[0]!.changes).toMatchObject({ edited: 1, added: 1, removed: 1 });
    // Importing it again takes the rows as they are now.
    good(await winnow(folder, ['import', 'data/data.json', '--json', '-q']));
    expect((await winnow(folder, ['status'])).stdout).not.toMatch(/changed since/);
  });

  it('gone: the file is named', async () => {
    const folder = await project('gone', 16);
    fs.rmSync(path.join(folder, 'data/data.json'));
    const ran = await winnow(folder, score);
    expect(ran.status).toBeGreaterThan(0);
    expect((JSON.parse(ran.stdout) as { error: Fault }).error).toMatchObject({
      code: 'NOT_FOUND',
      where: { file: path.join(folder, 'data/data.json') },
    });
  });

  it('an image that has gone sets its rows aside with the reason, and comes back when the image does', async () => {
    const folder = await project('image');
    const [image, away] = ['2.png', 'away.png'].map((name) => path.join(folder, 'data', name)) as [string, string];
    good(await winnow(folder, score));
    const before = shardsOf(folder, 'loss').sort();
    fs.renameSync(image, away);
    const without = good<{ quarantined: { id: string; reason: string }[] }>(await winnow(folder, score));
    expect(without.quarantined).toHaveLength(
      Array.from({ length: 600 }, (_, i) => i).filter((i) => i % 4 === 2).length,
    );
    expect(without.quarantined[0]).toMatchObject({ id: 's-2', reason: expect.stringContaining('2.png') });
    fs.renameSync(away, image);
    expect(good(await winnow(folder, score))).toMatchObject({ rowsComputed: 0 });
    expect(shardsOf(folder, 'loss')).toEqual(expect.arrayContaining(before));
  });
});

it('a clock that was set back decides nothing', async () => {
  const folder = await project('clock');
  const back = `globalThis.Date = class extends Date {
    constructor(...given) { super(...(given.length === 0 ? [0] : given)); }
    static now() { return 0; }
  }`;
  const NODE_OPTIONS = `--import data:text/javascript,${encodeURIComponent(back)}`;
  expect(good(await winnow(folder, score, { env: { NODE_OPTIONS } }))).toMatchObject({ rowsComputed: 600 });
  expect(good(await winnow(folder, score))).toMatchObject({ rowsComputed: 0 });
  for (const name of ['later', 'earlier']) {
    const env = name === 'earlier' ? { NODE_OPTIONS } : {};
    good(await winnow(folder, ['select', 'random', '-b', '5', '-n', name, '--json', '-q'], { env }));
  }
  // The newest is the one that was made last, whatever its time says.
  expect(good(await winnow(folder, ['export', '--json', '-q']))).toMatchObject({ selection: 'earlier' });
});
