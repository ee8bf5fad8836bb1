import { type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';

/** What tests of the store under stress share: a small data set, and the built command line in processes of its own. */
const ROOT = path.resolve(import.meta.dirname, '..');
const BIN = path.join(ROOT, 'bin/winnow.js');

export interface Ran {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Build what `winnow` runs. */
export function build(): void {
  const built = spawnSync(path.join(ROOT, 'winnow'), ['--version'], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(built.stderr);
}

/** `data.json` of so many rows over four images of 32 x 32; every eighth row has none. */
export async function writeData(folder: string, rows: number): Promise<void> {
  fs.mkdirSync(folder, { recursive: true });
  for (let i = 0; i < 4; i++) {
    const background = { r: 60 * i, g: 120, b: 200 - 40 * i };
    await sharp({ create: { width: 32, height: 32, channels: 3, background } })
      .png()
      .toFile(path.join(folder, `${i}.png`));
  }
  fs.writeFileSync(path.join(folder, 'data.json'), JSON.stringify(Array.from({ length: rows }, (_, i) => record(i))));
}

/** One row of it. */
export function record(i: number): Record<string, unknown> {
  return {
    id: `s-${i}`,
    source: i % 3 === 0 ? 'a' : 'b',
    image: i % 8 === 7 ? undefined : `${i % 4}.png`,
    conversations: [
      { from: 'human', value: `${i % 8 === 7 ? '' : '<image>\n'}Colour ${i}?` },
      { from: 'gpt', value: i % 2 === 0 ? 'Blue.' : 'Green.' },
    ],
  };
}

/** One command in a process of its own. */
export function winnow(project: string, args: readonly string[], how: SpawnOptions = {}): Promise<Ran> {
  return shell(process.execPath, [BIN, ...args], { cwd: project, ...how });
}

/** The command line as a shell would be told to run it. */
export const COMMAND = `"${process.execPath}" "${BIN}"`;

export function shell(command: string, args: readonly string[], how: SpawnOptions = {}): Promise<Ran> {
  const child = spawn(command, args, { ...how, env: { ...process.env, HF_HUB_OFFLINE: '1', ...how.env } });
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (text) => (stdout += text));
  child.stderr?.on('data', (text) => (stderr += text));
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, stdout, stderr })));
}

/** Finished shards of a signal, by name. */
export function shardsOf(project: string, signal: string): string[] {
  const folder = path.join(project, '.winnow/signals', signal);
  return fs.existsSync(folder) ? fs.readdirSync(folder).filter((file) => /^[^.].*\.parquet$/.test(file)) : [];
}
