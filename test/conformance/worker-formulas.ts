import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { findPython } from '../../src/worker/python.ts';

/** A fixture that can't be checked on this machine. */
export class CannotCheck extends Error {}

type Answer = { found: unknown } | { error: string };

let child: ChildProcessByStdio<Writable, Readable, null> | undefined;
let answers: AsyncIterator<string> | undefined;

/**
 * What one of the worker's own functions makes of inputs (see formulas.py). One process serves all checks, until
 * `endWorker`.
 *
 * @throws CannotCheck without the worker's Python
 */
export async function byWorker<Found>(name: string, inputs: Record<string, unknown>): Promise<Found> {
  if (child === undefined) start();
  child!.stdin.write(`${JSON.stringify({ name, inputs })}\n`);
  const { value, done } = await answers!.next();
  if (done === true) throw new CannotCheck('the worker that checks it has ended');
  const answer = JSON.parse(value) as Answer;
  if ('error' in answer) throw new Error(answer.error);
  return answer.found as Found;
}

/** End the process that was asked, if there was one. */
export function endWorker(): void {
  child?.stdin.end();
  child = undefined;
}

function start(): void {
  let found: ReturnType<typeof findPython>;
  try {
    found = findPython();
  } catch (error) {
    throw new CannotCheck((error as Error).message);
  }
  const { python, folder } = found;
  const env = { ...process.env, PYTHONPATH: folder };
  child = spawn(python, [scriptPath()], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
}

/** The checks are bundled into another folder of the clone. */
function scriptPath(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return join(folder, 'test', 'conformance', 'formulas.py');
}
