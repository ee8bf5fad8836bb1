import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';

const ROOT = path.resolve(import.meta.dirname, '../..');
const SEEDS = path.join(ROOT, 'test/goldens/fuzz');
/** A case that takes longer hangs. */
const PATIENCE_MS = 30_000;
/** More than a decoded image at the limit of pixels needs. */
const MEMORY_MB = 2_500;

export interface Tally {
  cases: number;
  /** Cases of each verdict: `fine`, or the code that was told. */
  verdicts: Record<string, number>;
  /** What must not be: crashes, hangs, errors that aren't for people. */
  faults: string[];
  peakMb: number;
}

/** Run cases `[first, last)` in child processes of `size` cases, `jobs` at a time. */
export async function fuzz(seed: number, first: number, last: number, size: number, jobs = 2): Promise<Tally> {
  const built = fs.mkdtempSync(path.join(ROOT, 'test/fuzz/.built-'));
  const tally: Tally = { cases: 0, verdicts: {}, faults: [], peakMb: 0 };
  try {
    const child = path.join(built, 'child.mjs');
    const entry = path.join(ROOT, 'test/fuzz/child.ts');
    await build({
      entryPoints: [entry],
      outfile: child,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20.19',
      packages: 'external',
    });
    let next = first;
    const worker = async (): Promise<void> => {
      while (next < last) {
        const from = next;
        next = Math.min(last, next + size);
        const to = next;
        // After a crash the batch goes on behind the case that crashed.
        for (let at = from; at < to; ) at = await batch(child, seed, at, to, tally);
      }
    };
    await Promise.all(Array.from({ length: jobs }, worker));
  } finally {
    fs.rmSync(built, { recursive: true, force: true });
  }
  return tally;
}

/** One child. Returns the case to go on with. */
function batch(child: string, seed: number, first: number, last: number, tally: Tally): Promise<number> {
  return new Promise((resolve) => {
    const temporary = fs.mkdtempSync(path.join(os.tmpdir(), 'winnow-fuzz-'));
    const args = ['--max-old-space-size=1024', child, SEEDS, String(seed), String(first), String(last)];
    const running = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TMPDIR: temporary },
    });
    let current = '';
    let at = first;
    let open = '';
    let said = '';
    let hung = false;
    let timer: NodeJS.Timeout | undefined;
    const wait = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        hung = true;
        running.kill('SIGKILL');
      }, PATIENCE_MS);
    };
    const line = (text: string): void => {
      if (text.startsWith('> ')) {
        current = text.slice(2);
        at = Number.parseInt(current, 10);
      } else if (text.startsWith('< ')) {
        const verdict = text.slice(2);
        if (verdict.startsWith('WRONG')) tally.faults.push(`${current}: ${verdict}`);
        tally.cases++;
        const kind = verdict.startsWith('WRONG') ? 'WRONG' : verdict;
        tally.verdicts[kind] = (tally.verdicts[kind] ?? 0) + 1;
        at++;
        current = '';
      } else if (text.startsWith('peak ')) {
        const peak = Number(text.slice(5));
        tally.peakMb = Math.max(tally.peakMb, peak);
        if (peak > MEMORY_MB) tally.faults.push(`cases ${first} to ${last}: ${peak} MB of memory`);
      }
    };
    wait();
    running.stdout.on('data', (text: Buffer) => {
      wait();
      open += text;
      for (let end = open.indexOf('\n'); end >= 0; end = open.indexOf('\n')) {
        line(open.slice(0, end));
        open = open.slice(end + 1);
      }
    });
    running.stderr.on('data', (text: Buffer) => {
      said = `${said}${text}`.slice(-400);
    });
    running.on('close', (code, signal) => {
      clearTimeout(timer);
      fs.rmSync(temporary, { recursive: true, force: true });
      if (code === 0) return resolve(last);
      const what = hung ? 'hung' : `ended with ${signal ?? code}`;
      tally.faults.push(`${current || `before case ${at}`}: the process ${what} ${said.replaceAll('\n', ' | ')}`);
      tally.cases++;
      resolve(at + 1);
    });
  });
}
