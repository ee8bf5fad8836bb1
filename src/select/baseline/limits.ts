import { parseCostOptions } from '../../cost/gpu-hours.ts';
import { rowTokens } from '../../cost/row-tokens.ts';
import { type Dataset, datasetColumns } from '../../dataset/dataset.ts';
import type { Project } from '../../store/project.ts';
import type { LoadedSelection } from '../../store/selections.ts';
import type { Composition } from '../compose/compose.ts';
import type { CompositionRecord } from '../compose/record.ts';
import { NO_SOURCE } from '../compose/source-rules.ts';
import type { DrawLimits } from './draw-within.ts';

/**
 * What random subsets beside a composed selection keep to: its lists, its rules for sources, what it cost. A source
 * that could not give what was demanded of it is held to what it gave, so that every subset has the same places to
 * fill.
 */
export function drawLimits(
  { always, sources, tokens }: Pick<Composition, 'always' | 'sources' | 'tokens'>,
  record: Pick<CompositionRecord, 'sources' | 'cost'>,
): DrawLimits {
  const ruled = record.sources ?? [];
  const index = new Map(ruled.map(({ source }, i) => [source, i]));
  const { cost } = record;
  return {
    always,
    groups: Int32Array.from(sources, (source) => index.get(source) ?? -1),
    bounds: ruled.map(({ least, most, kept }) => {
      return { least: Math.min(least, kept), most: most ?? Number.POSITIVE_INFINITY };
    }),
    cost: cost === undefined || tokens === undefined ? undefined : { tokens, limit: cost.spent },
  };
}

/** Reasons of rows that no method could choose. */
const OUTSIDE: ReadonlySet<string> = new Set(['excluded', 'never-keep', 'not-in-pool']);

/** {@link drawLimits} of a saved selection, and the rows that were out of it beside those that can't be used. */
export async function savedLimits(
  project: Project,
  dataset: Dataset,
  { reasons, lineage }: LoadedSelection,
  unusable: ReadonlyMap<number, string>,
): Promise<{ excluded: ReadonlyMap<number, string>; limits?: DrawLimits }> {
  const record = lineage.composition as CompositionRecord | undefined;
  if (record === undefined) return { excluded: unusable };
  const excluded = new Map(unusable);
  for (const { row, code } of reasons) if (OUTSIDE.has(code)) excluded.set(row, code);
  const always = Int32Array.from(reasons.filter(({ code }) => code === 'always-keep').map(({ row }) => row));
  const sources = datasetColumns(dataset).source.map((source) => source ?? NO_SOURCE);
  const { cost } = record;
  const tokens =
    cost === undefined
      ? undefined
      : await rowTokens(
          project,
          dataset,
          { ...parseCostOptions(record.asked), imageTokens: cost.imageTokens },
          excluded,
        );
  return {
    excluded,
    limits: drawLimits({ always, sources, ...(tokens === undefined ? {} : tokens) }, record),
  };
}
