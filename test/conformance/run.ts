import { dirname } from 'node:path';
import { WinnowError } from '../../src/base/errors.ts';
import { type CaseCheck, type FolderCheck, fits, type Verdict } from './check.ts';
import { coincideChecks } from './coincide.ts';
import { configsCheck } from './configs.ts';
import { d2Checks } from './d2.ts';
import { type Fixture, listFixtures, readCase } from './fixture.ts';
import { formatsCheck } from './formats.ts';
import { greedyChecks } from './greedy.ts';
import { ifdChecks } from './ifd.ts';
import { imageTokensCheck } from './image-tokens.ts';
import { clusterChecks } from './in-clusters.ts';
import { learnabilityChecks } from './learnability.ts';
import { quotaChecks } from './quotas.ts';
import { rankedChecks } from './ranked.ts';
import { representationChecks } from './representations.ts';
import { semdedupChecks } from './semdedup.ts';
import { shareChecks } from './shares.ts';
import { targetChecks } from './targets.ts';
import { visnecChecks } from './visnec.ts';
import { CannotCheck, endWorker } from './worker-formulas.ts';
import { xmasChecks } from './xmas.ts';

/** All checks. One for another folder is a file here and a line in one of these lists. */
const CASE_CHECKS: readonly CaseCheck[] = [
  ...visnecChecks,
  ...rankedChecks,
  ...xmasChecks,
  ...coincideChecks,
  ...semdedupChecks,
  ...d2Checks,
  ...clusterChecks,
  ...learnabilityChecks,
  ...ifdChecks,
  ...greedyChecks,
  ...quotaChecks,
  ...targetChecks,
  ...representationChecks,
  ...shareChecks,
];
const FOLDER_CHECKS: readonly FolderCheck[] = [formatsCheck, configsCheck, imageTokensCheck];

export interface Outcome {
  /** `<folder>/<file>`. */
  name: string;
  status: 'ok' | 'FAIL' | 'skip';
  /** What differs, or why it was skipped. */
  detail?: string;
}

export interface ConformanceOptions {
  /** A fixture that no check knows is a failure. @default false */
  strict?: boolean;
}

/**
 * Runs the project's own code on every fixture of `DIR/<folder>/*` and compares what comes out with what is expected.
 *
 * @throws WinnowError `FIXTURES_MISSING` where there are none
 */
export async function* runConformance(
  dir: string,
  { strict = false }: ConformanceOptions = {},
): AsyncGenerator<Outcome> {
  try {
    yield* outcomes(await findFolders(dir), strict);
  } finally {
    endWorker();
  }
}

async function* outcomes(folders: Map<string, Fixture[]>, strict: boolean): AsyncGenerator<Outcome> {
  for (const [folder, fixtures] of folders) {
    const whole = FOLDER_CHECKS.find((check) => check.folder === folder);
    const known = whole === undefined ? undefined : await judgeFolder(whole, fixtures);
    for (const fixture of fixtures) {
      const name = `${folder}/${fixture.file}`;
      const { difference, skip } = known?.get(fixture.file) ?? (await judge(fixture));
      if (difference !== undefined) yield { name, status: 'FAIL', detail: oneLine(difference) };
      else if (skip !== undefined) yield { name, status: strict ? 'FAIL' : 'skip', detail: oneLine(skip) };
      else yield { name, status: 'ok' };
    }
  }
}

async function findFolders(dir: string): Promise<Map<string, Fixture[]>> {
  const folders = await listFixtures(dir).catch((cause) => {
    throw missing(dir, `${dir} can't be read`, cause);
  });
  if (folders.size === 0) throw missing(dir, `${dir} has no folders with fixtures`);
  return folders;
}

function missing(dir: string, message: string, cause?: unknown): WinnowError {
  return new WinnowError({
    code: 'FIXTURES_MISSING',
    message: `${message}.`,
    where: { file: dir },
    hint: 'Name the folder that holds one folder for each subject.',
    exitCode: 2,
    cause,
  });
}

const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, ' ');

/** A check that breaks down as a whole (its common input is damaged) fails every file. */
async function judgeFolder(check: FolderCheck, fixtures: Fixture[]): Promise<ReadonlyMap<string, Verdict>> {
  try {
    return await check.runAll(dirname(fixtures[0]!.path), fixtures);
  } catch (error) {
    return new Map(fixtures.map(({ file }) => [file, { difference: (error as Error).message }]));
  }
}

async function judge(fixture: Fixture): Promise<Verdict> {
  const read = await readCase(fixture);
  if (read.found === undefined)
    return read.problem === 'broken' ? { difference: read.because } : { skip: read.because };
  const check = CASE_CHECKS.find((one) => one.folder === fixture.folder && fits(one, read.found));
  if (check === undefined) {
    const keys = (of: object): string => Object.keys(of).join(', ') || 'none';
    return { skip: `no check for inputs ${keys(read.found.inputs)} and outputs ${keys(read.found.outputs)}` };
  }
  try {
    const difference = await check.run(read.found);
    return difference === undefined ? {} : { difference };
  } catch (error) {
    if (error instanceof CannotCheck) return { skip: error.message };
    return { difference: (error as Error).message };
  }
}
