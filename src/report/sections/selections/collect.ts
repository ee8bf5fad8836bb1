import type { Dataset } from '../../../dataset/dataset.ts';
import type { CompositionRecord } from '../../../select/compose/record.ts';
import { onCurrentRows } from '../../../select/current-selection.ts';
import type { Project } from '../../../store/project.ts';
import {
  type LoadedSelection,
  listSelections,
  loadSelection,
  newestSelection,
  readSelectionHead,
} from '../../../store/selections.ts';
import type { ReportInput } from '../../data.ts';

type ReportSelection = NonNullable<ReportInput['selections']>[number];

/** The selection asked for, else the newest; undefined where the project has none. */
export async function mainSelection(project: Project, given: string | undefined): Promise<LoadedSelection | undefined> {
  const name = given ?? (await newestSelection(project));
  return name === undefined ? undefined : loadSelection(project, name);
}

/**
 * Selections to compare with, in the rows that the data set has now: those named, else all of the data set as it was
 * for the main one or as it is now.
 */
export async function otherSelections(
  project: Project,
  main: LoadedSelection,
  dataset: Dataset,
  compare: readonly string[] | undefined,
): Promise<LoadedSelection[]> {
  const others: LoadedSelection[] = [];
  for (const name of compare ?? (await listSelections(project))) {
    if (name === main.name) continue;
    const of = (await readSelectionHead(project, name)).dataset;
    if (of.name !== dataset.name || (of.hash !== main.dataset.hash && of.hash !== dataset.hash)) continue;
    others.push(onCurrentRows(await loadSelection(project, name), dataset).selection);
  }
  return others;
}

/** How a selection was put together, where it was by more than one method with a plain budget. */
export function compositionOfSaved({ lineage }: LoadedSelection): CompositionRecord | undefined {
  return lineage.composition as CompositionRecord | undefined;
}

function stageName(stages: CompositionRecord['stages'], stage: number): string {
  return `Stage ${stage} of ${stages.length}, ${stages[stage - 1]?.method}`;
}

/** A selection in the shape of the page; the main one with the reason of every row. */
export function reportSelection(selection: LoadedSelection, isMain: boolean): ReportSelection {
  const { name, method, options, seed, requested, kept, perCluster, reasons, shortfall, lineage } = selection;
  const stages = compositionOfSaved(selection)?.stages;
  const minimum = Number(options.minScore ?? 0) > 0 ? `, S > ${String(options.minScore)}` : '';
  const variant = typeof options.variant === 'string' ? ` (${options.variant}${minimum})` : '';
  return {
    name,
    title: `${{ visnec: 'VisNec', random: 'Random', top: 'Top' }[method] ?? method}${variant}${method === 'top' ? ` ${String(options.column)}` : ''}`,
    method,
    options,
    seed,
    budget: typeof lineage.budget === 'string' ? lineage.budget : undefined,
    requested,
    kept,
    perCluster: perCluster.filter((count) => count.cluster >= 0),
    shortfall,
    reasons: isMain
      ? {
          code: reasons.map((reason) => reason.code),
          rank: reasons.map((reason) => reason.rank ?? null),
          stage:
            stages === undefined || stages.length < 2
              ? undefined
              : reasons.map(({ stage }) => (stage === undefined ? null : stageName(stages, stage))),
        }
      : undefined,
  };
}

/** Selections of one method are told apart by their names. */
export function withOwnTitles(all: ReportSelection[]): ReportSelection[] {
  return all.map((one) => {
    const isShared = all.filter((other) => other.title === one.title).length > 1;
    return isShared ? { ...one, title: `${one.title}: ${one.name}` } : one;
  });
}
