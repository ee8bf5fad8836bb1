import type { Dataset } from '../../../dataset/dataset.ts';
import type { CompositionRecord } from '../../../select/compose/record.ts';
import { onCurrentRows } from '../../../select/current-selection.ts';
import { selectionOrNewest } from '../../../select/explain.ts';
import type { Project } from '../../../store/project.ts';
import { type LoadedSelection, listSelections, loadSelection, readSelectionHead } from '../../../store/selections.ts';
import type { ReportInput } from '../../data.ts';

/**
 * Selections to show, in the rows that the data set has now: the main one first, then the others of the same data set.
 */
export async function readSelections(
  project: Project,
  request: { selection?: string | undefined; compare?: readonly string[] | undefined },
): Promise<{ dataset: Dataset; selections: LoadedSelection[]; stale?: string }> {
  const main = await selectionOrNewest(project, request.selection);
  const first = await loadSelection(project, main);
  const dataset = await project.dataset(first.dataset.name);
  const others = request.compare ?? (await listSelections(project)).filter((name) => name !== main);
  const same = await Promise.all(
    others.map(async (name) =>
      (await readSelectionHead(project, name)).dataset.hash === first.dataset.hash ? [name] : [],
    ),
  );
  const { selection, stale } = onCurrentRows(first, dataset);
  const compared = await Promise.all(same.flat().map((name) => loadSelection(project, name)));
  return { dataset, selections: [selection, ...compared.map((one) => onCurrentRows(one, dataset).selection)], stale };
}

/** How a selection was put together, where it was by more than one method with a plain budget. */
export function compositionOfSaved({ lineage }: LoadedSelection): CompositionRecord | undefined {
  return lineage.composition as CompositionRecord | undefined;
}

function stageName(stages: CompositionRecord['stages'], stage: number): string {
  return `Stage ${stage} of ${stages.length}, ${stages[stage - 1]?.method}`;
}

/** A selection in the shape of the page; the main one with the reason of every row. */
export function reportSelection(
  selection: LoadedSelection,
  isMain: boolean,
): NonNullable<ReportInput['selections']>[number] {
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
    ...(isMain
      ? {
          reasons: {
            code: reasons.map((reason) => reason.code),
            rank: reasons.map((reason) => reason.rank ?? null),
            stage:
              stages === undefined || stages.length < 2
                ? undefined
                : reasons.map(({ stage }) => (stage === undefined ? null : stageName(stages, stage))),
          },
        }
      : {}),
  };
}

/** Selections of one method are told apart by their names. */
export function withOwnTitles(all: NonNullable<ReportInput['selections']>): NonNullable<ReportInput['selections']> {
  return all.map((one) => {
    const isShared = all.filter((other) => other.title === one.title).length > 1;
    return isShared ? { ...one, title: `${one.title}: ${one.name}` } : one;
  });
}
