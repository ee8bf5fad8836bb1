import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { WinnowError } from '../base/errors.ts';
import { writeFileAtomic } from '../base/files/atomic.ts';
import { onCode } from '../base/on-code.ts';
import { didYouMean } from '../base/suggest.ts';
import type { Project } from './project.ts';

/** `run.json`: what a training run is made from. Written before it begins; nothing in it changes. */
const Head = z.object({
  format: z.literal(1),
  name: z.string(),
  recipe: z.string(),
  /** SHA-256 of all that the weights depend on: rows in order, model, options. */
  key: z.string(),
  dataset: z.object({ name: z.string(), hash: z.string(), rows: z.int() }),
  model: z.object({ name: z.string(), revision: z.string() }),
  options: z.record(z.string(), z.unknown()),
  steps: z.int(),
});
export type RunHead = z.infer<typeof Head>;

/** One of the T checkpoints, as the worker notes it in `checkpoint-index.json`. */
const Checkpoint = z.object({
  /** From 1. */
  k: z.int(),
  step: z.int(),
  samples_seen: z.int(),
  /** Inside the run's folder. */
  path: z.string(),
  /** Of the weights. */
  sha256: z.string(),
});
export type Checkpoint = z.infer<typeof Checkpoint>;

/** A training run of the project and the checkpoints that it has so far. */
export interface Run {
  head: RunHead;
  /** Absolute. */
  folder: string;
  checkpoints: Checkpoint[];
  /** All steps are done. */
  finished: boolean;
}

export function runFolder(project: Project, name: string): string {
  return join(project.paths.runs, name);
}

/** SHA-256 of the JSON of what a run depends on. */
export function runKey(parts: unknown): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

export async function saveRunHead(project: Project, head: RunHead): Promise<void> {
  await writeFileAtomic(join(runFolder(project, head.name), 'run.json'), `${JSON.stringify(head, null, 1)}\n`);
}

/** Ids of the samples that a run is tuned on, in the order of the data set. */
export async function saveTunedIds(project: Project, name: string, ids: readonly string[]): Promise<void> {
  await writeFileAtomic(join(runFolder(project, name), 'ids.json'), `${JSON.stringify(ids)}\n`);
}

/** Those ids; undefined for a run of a version that did not keep them. @throws WinnowError `RUN_DAMAGED` */
export function tunedIds(run: Run): Promise<string[] | undefined> {
  return readJson(join(run.folder, 'ids.json'), z.array(z.string()));
}

/** The run of that name, or undefined. @throws WinnowError `RUN_DAMAGED` */
export async function findRun(project: Project, name: string): Promise<Run | undefined> {
  const folder = runFolder(project, name);
  const head = await readJson(join(folder, 'run.json'), Head);
  if (head === undefined) return undefined;
  const index = await readJson(join(folder, 'checkpoint-index.json'), z.array(Checkpoint));
  const checkpoints = index ?? [];
  return { head, folder, checkpoints, finished: checkpoints.at(-1)?.step === head.steps };
}

/** All runs by name. */
export async function listRuns(project: Project): Promise<Run[]> {
  const names = await readdir(project.paths.runs).catch(onCode<string[]>(['ENOENT'], []));
  const runs = await Promise.all(names.sort().map((name) => findRun(project, name)));
  return runs.filter((run) => run !== undefined);
}

/** The run of that name with all its checkpoints. @throws WinnowError `RUN_UNKNOWN`, `RUN_UNFINISHED` */
export async function finishedRun(project: Project, name: string): Promise<Run> {
  const run = await findRun(project, name);
  if (run === undefined) {
    const known = (await listRuns(project)).map(({ head }) => head.name);
    throw new WinnowError({
      code: 'RUN_UNKNOWN',
      message: `There is no training run "${name}".`,
      hint:
        known.length > 0
          ? `${didYouMean(name, known)}The project has ${known.join(', ')}.`
          : 'Make one with: winnow train --recipe proxy',
      exitCode: 2,
    });
  }
  if (run.finished) return run;
  throw new WinnowError({
    code: 'RUN_UNFINISHED',
    message: `The training run "${name}" has ${run.checkpoints.length} of its checkpoints, and not the last.`,
    where: { file: run.folder },
    hint: `Run the same "winnow train" again: it goes on where it stopped.`,
  });
}

async function readJson<Shape extends z.ZodType>(file: string, shape: Shape): Promise<z.infer<Shape> | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return shape.parse(JSON.parse(text));
  } catch {
    throw new WinnowError({
      code: 'RUN_DAMAGED',
      message: 'The file is not what a training run writes.',
      where: { file },
      hint: 'Move the folder of the run away, and train again.',
    });
  }
}
