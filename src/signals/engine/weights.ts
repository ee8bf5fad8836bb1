import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { WinnowError } from '../../base/errors.ts';
import type { Project } from '../../store/project.ts';
import type { SignalContext } from '../signal.ts';

/** What the worker opens: a model, and where a signal is measured over training, checkpoints of it in their order. */
export interface Weights {
  folder: string;
  /** Of everything that is opened. */
  revision: string;
  checkpoints: { name: string; path: string }[];
}

/**
 * The weights that a signal's options name. A model may be the name of a training run of the project: its last
 * checkpoint. Checkpoints are folders, or one such name: all checkpoints of that run.
 *
 * @throws WinnowError of `resolveWeights` and `finishedRun`; `CHECKPOINT_UNKNOWN`
 */
export async function weightsOf(
  { model, encoder, checkpoints = [] }: { model?: unknown; encoder?: unknown; checkpoints?: unknown },
  context: SignalContext,
): Promise<Weights> {
  const names = checkpoints as string[];
  const run = await namedRun(names, context.project);
  const paths = run?.checkpoints ?? names.map((name) => resolve(name));
  const base = await baseOf(run?.model ?? String(model ?? encoder), context);
  if (paths.length === 0) return { ...base, checkpoints: [] };
  const { folderWeights } = await import('../../models/source.ts');
  const hash = createHash('sha256').update(base.revision);
  for (const path of paths) {
    if (!isModel(path)) throw unknownCheckpoint(path);
    hash.update(`\n${await folderWeights(path, context)}`);
  }
  const listed = paths.map((path, i) => ({ name: `${i + 1}`, path }));
  return { folder: base.folder, revision: hash.digest('hex'), checkpoints: listed };
}

/**
 * Folders of the checkpoints that `weightsOf` would open. @throws WinnowError of `finishedRun`; `CHECKPOINT_UNKNOWN`
 */
export async function checkpointPaths(names: readonly string[], project: Project): Promise<string[]> {
  return (await namedRun(names, project))?.checkpoints ?? names.map((name) => resolve(name));
}

async function namedRun(names: readonly string[], project?: Project): Promise<OpenRun | undefined> {
  return names.length === 1 && !isModel(names[0]!) ? runOf(names[0]!, project) : undefined;
}

async function baseOf(model: string, context: SignalContext): Promise<{ folder: string; revision: string }> {
  const { isRunName, resolveWeights } = await import('../../models/source.ts');
  const name = isRunName(model) ? (await runOf(model, context.project)).checkpoints.at(-1)! : model;
  const { folder, revision } = await resolveWeights(name, context);
  return { folder, revision };
}

/** The model that a run began with and its checkpoints, as absolute paths. */
interface OpenRun {
  model: string;
  checkpoints: string[];
}

async function runOf(name: string, project?: Project): Promise<OpenRun> {
  if (project === undefined || /[/\\]/.test(name)) throw unknownCheckpoint(name);
  const { finishedRun } = await import('../../store/runs.ts');
  const run = await finishedRun(project, name);
  return { model: run.head.model.name, checkpoints: run.checkpoints.map(({ path }) => join(run.folder, path)) };
}

function isModel(path: string): boolean {
  return ['config.json', 'adapter_config.json'].some((file) => existsSync(join(path, file)));
}

function unknownCheckpoint(name: string): WinnowError {
  return new WinnowError({
    code: 'CHECKPOINT_UNKNOWN',
    message: `'${name}' is no folder of a checkpoint: it has neither config.json nor adapter_config.json.`,
    hint: 'Give folders as save_pretrained writes them, in their order, or the name of a run of "winnow train".',
    exitCode: 2,
  });
}
