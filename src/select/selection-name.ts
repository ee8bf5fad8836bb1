import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { optionName } from '../base/cli-flags.ts';
import { WinnowError } from '../base/errors.ts';
import { onCode } from '../base/on-code.ts';
import { sortKeys } from '../dataset/canonical.ts';
import type { Project } from '../store/project.ts';
import { listSelections, readSelectionHead } from '../store/selections.ts';
import type { SelectRequest, StageRequest } from './compose/request.ts';
import { findSelector } from './methods/find.ts';

/** Names that are longer hold a digest of what differs instead. */
const LONGEST = 80;
/** What of a request says how to choose; the rest says how to run. */
const OF_THE_RUN = new Set(['name', 'replace', 'dataset', 'dryRun', 'signal', 'progress', 'onProgress']);
/** Options of a request whose values stand in the name by themselves. */
const OF_THE_NAME = new Set([...OF_THE_RUN, 'method', 'options', 'before', 'budget', 'seed']);

/**
 * The name of a selection that nobody named: methods, options that differ from their defaults, budget and seed, as in
 * `semdedup-eps0.1-then-visnec-k50-15%-s42`.
 *
 * @param place the data set, where it isn't the first of the project
 */
export function selectionName(
  request: SelectRequest,
  { budget, seed, place }: { budget: string; seed: number; place?: string | undefined },
): string {
  const stages = [...(request.before ?? []), request];
  const parts = stages.map(({ method, options = {}, ...stage }, s) => {
    const own = Object.entries(options).filter(([key, value]) => differs(method, key, value));
    const rules = Object.entries(stage).filter(([key, value]) => isGiven(value) && !OF_THE_NAME.has(key));
    const amount = s < stages.length - 1 && isGiven(stage.budget) ? [['budget', stage.budget] as const] : [];
    return { method, differing: [...own, ...amount, ...rules] };
  });
  const end = `${place === undefined ? '' : `-of-${place}`}-${budget.replace(/\s/g, '')}-s${seed}`;
  const spelled = parts.map(({ method, differing }) => [method, ...differing.map(([key, value]) => word(key, value))]);
  const name = `${spelled.map((words) => words.join('-')).join('-then-')}${end}`;
  const isPlain = /^[\p{L}\p{N}%._-]+$/u.test(name) && name.length <= LONGEST;
  if (isPlain) return name;
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 8);
  return `${parts.map(({ method }) => method).join('-then-')}-${digest}${end}`;
}

/** Identifies what was asked for: two requests of one digest choose the same from the same data. */
export function requestDigest(request: SelectRequest, resolved: { budget: string; seed: number }): string {
  const filled = ({ method, options = {} }: StageRequest): unknown => {
    const read = findSelector(method).options.safeParse(options);
    return read.success ? read.data : options;
  };
  const stages = (request.before ?? []).map((stage) => ({ ...stage, options: filled(stage) }));
  const about = Object.entries(request).filter(([key, value]) => isGiven(value) && !OF_THE_RUN.has(key));
  const whole = { ...Object.fromEntries(about), ...resolved, options: filled(request), before: stages };
  return createHash('sha256')
    .update(JSON.stringify(sortKeys(whole)))
    .digest('hex')
    .slice(0, 16);
}

/**
 * Says what saving under a name replaces. Throws `SELECTION_EXISTS` where that is a selection by another request,
 * unless `replace`.
 *
 * @returns a remark for people, where a selection will be replaced
 */
export async function refuseReplacing(
  project: Project,
  name: string,
  digest: string,
  dataset: string,
  replace: boolean | undefined,
): Promise<string | undefined> {
  if (!(await listSelections(project)).includes(name)) return undefined;
  const there = await readSelectionHead(project, name).catch(onCode(['SELECTION_DAMAGED'], undefined));
  if (there !== undefined && there.lineage.request === digest && there.dataset.name === dataset) return undefined;
  if (replace === true) return `Replaced the selection "${name}"${there === undefined ? '' : ` by ${there.method}`}.`;
  throw new WinnowError({
    code: 'SELECTION_EXISTS',
    message: `There is a selection "${name}" already, made by another command (${there?.method ?? 'it cannot be read'}).`,
    hint: 'Give this one another --name, or replace that one with --replace.',
    exitCode: 2,
  });
}

function differs(method: string, key: string, value: unknown): boolean {
  if (!isGiven(value)) return false;
  const { options } = findSelector(method);
  const [plain, given] = [options.safeParse({}), options.safeParse({ [key]: value })];
  if (!plain.success) return true;
  const read = given.success ? (given.data as Record<string, unknown>)[key] : value;
  return !isDeepStrictEqual((plain.data as Record<string, unknown>)[key], read);
}

function isGiven(value: unknown): boolean {
  return value !== undefined && !(Array.isArray(value) && value.length === 0);
}

function word(key: string, value: unknown): string {
  if (key === 'variant') return String(value);
  const name = optionName(key);
  if (value === true) return name;
  if (value === false) return `no-${name}`;
  return typeof value === 'number' || /^-?[\d.]+%?$/.test(String(value)) ? `${name}${value}` : `${name}-${value}`;
}
