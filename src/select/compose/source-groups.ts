import { boundsFor, type ParsedRules } from './source-rules.ts';
import type { BoundedGroup } from './within-bounds.ts';

/** Rows with their sources, and rules for some of these. */
export interface RuledPool {
  /** Rows that may be chosen by methods, ascending. */
  pool: Int32Array;
  /** Rows kept whatever the methods say, ascending; they count in the budget. */
  always: Int32Array;
  /** Source of each row. */
  sources: readonly string[];
  rules?: ParsedRules;
}

/** What was demanded of a source with a rule, in places, and how many were filled. */
export interface SourceCount {
  source: string;
  least: number;
  most: number | null;
  available: number;
  kept: number;
}

/** Rows by source with what each must and may still give; undefined where no source has a rule. */
export function boundedGroups(
  plan: RuledPool,
  rows: Int32Array,
  count: number,
  isLast: boolean,
): BoundedGroup[] | undefined {
  const { rules, sources, always } = plan;
  if (rules === undefined) return undefined;
  const bySource = new Map<string, number[]>();
  for (const row of rows) {
    const group = bySource.get(sources[row]!);
    if (group === undefined) bySource.set(sources[row]!, [row]);
    else group.push(row);
  }
  const certain = countBy(always, sources);
  const available = new Map([...bySource].map(([source, all]) => [source, all.length + (certain.get(source) ?? 0)]));
  for (const [source, n] of certain) if (!available.has(source)) available.set(source, n);
  const bounds = boundsFor(rules, count, available, certain);
  return [...bySource]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([source, group]) => {
      const { least, most } = bounds.get(source) ?? { least: 0, most: Number.POSITIVE_INFINITY };
      const mine = certain.get(source) ?? 0;
      const floor = Math.max(0, least - mine);
      // An earlier stage keeps enough of every source, and leaves the limits to the last.
      return {
        rows: Int32Array.from(group),
        least: floor,
        most: isLast ? Math.max(0, most - mine) : Number.POSITIVE_INFINITY,
      };
    });
}

/** What each source with a rule gave. */
export function sourceCounts(plan: RuledPool, asked: number, kept: Int32Array): SourceCount[] {
  if (plan.rules === undefined) return [];
  const available = countBy(plan.pool, plan.sources);
  for (const [source, n] of countBy(plan.always, plan.sources)) available.set(source, (available.get(source) ?? 0) + n);
  const given = countBy(kept, plan.sources);
  return [...boundsFor(plan.rules, asked, available, countBy(plan.always, plan.sources))]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([source, { least, most }]) => ({
      source,
      least,
      // JSON has no infinity.
      most: Number.isFinite(most) ? most : null,
      available: available.get(source) ?? 0,
      kept: given.get(source) ?? 0,
    }));
}

function countBy(rows: Int32Array, sources: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const row of rows) counts.set(sources[row]!, (counts.get(sources[row]!) ?? 0) + 1);
  return counts;
}
