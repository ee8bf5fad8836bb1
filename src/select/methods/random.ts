import { z } from 'zod';
import { createRandom, type Random } from '../../numeric/philox.ts';
import { largestRemainder } from '../kit/allocate.ts';
import { groupBy } from '../kit/columns.ts';
import { closePool, countAsOneGroup, drawInto, openPool } from '../kit/pool.ts';
import { textOnlyOption } from '../kit/text-only.ts';
import type { Selector, TextOnlyPolicy } from '../selector.ts';

export interface RandomOptions extends Record<string, unknown> {
  stratify: 'none' | 'source';
  textOnly: TextOnlyPolicy;
}

/** A group of rows, by their positions, and its Hamilton share of the budget. */
export interface Stratum {
  group: number;
  members: readonly number[];
  quota: number;
}

/** Rows by group, in the order of the groups' numbers. Group -1 is a group like others. */
export function intoStrata(groups: ArrayLike<number>, budget: number): Stratum[] {
  const members = new Map<number, number[]>();
  for (let i = 0; i < groups.length; i++) {
    const group = members.get(groups[i]!);
    if (group === undefined) members.set(groups[i]!, [i]);
    else group.push(i);
  }
  const ordered = [...members].sort(([a], [b]) => a - b);
  const sizes = ordered.map(([, rows]) => rows.length);
  const { taken } = largestRemainder(sizes, Math.min(budget, groups.length));
  return ordered.map(([group, rows], g) => ({ group, members: rows, quota: taken[g]! }));
}

/** Positions drawn from rows that fall into groups, group by group. */
export function drawStratified(strata: readonly Stratum[], random: Random): Int32Array {
  const drawn = new Int32Array(strata.reduce((sum, { quota }) => sum + quota, 0));
  let next = 0;
  for (const { members, quota } of strata) {
    for (const i of random.sample(members.length, quota)) drawn[next++] = members[i]!;
  }
  return drawn;
}

/** The baseline that every method has to beat. */
export const random: Selector<RandomOptions> = {
  name: 'random',
  order: 100,
  version: 1,
  title: 'Random',
  source: 'no source: the baseline of every paper',
  summary: 'Draws without replacement, every row as likely as the others, or each source in proportion to its size.',
  formula: 'each row with the same chance, without replacement; or each source in proportion to its size',
  options: z.strictObject({
    stratify: z
      .enum(['none', 'source'])
      .default('none')
      .describe('none: from the whole pool; source: each source gives its share (largest remainder)'),
    textOnly: textOnlyOption.default('score'),
  }),
  needs: () => [],
  async select(input, options, context) {
    const pool = openPool(input, options.textOnly, context);
    const { rows } = pool;
    const stream = createRandom(context.seed, `select/random/${options.stratify}`);
    const codes = { kept: 'random', dropped: 'not-drawn' } as const;
    if (options.stratify === 'none') {
      const count = Math.min(pool.budget, rows.length);
      drawInto(pool, rows, count, stream.sample(rows.length, count), codes);
      countAsOneGroup(pool, rows.length, count);
    } else {
      const { groups, labels } = groupBy(rows.map((row) => input.source?.[row] ?? null));
      const strata = intoStrata(groups, pool.budget);
      const drawn = drawStratified(strata, stream);
      drawInto(pool, rows, drawn.length, drawn, codes);
      for (const { group, members, quota } of strata) {
        const label = group < 0 ? 'no source' : String(labels[group]);
        const size = members.length;
        pool.counts.push({ cluster: group, label, size, candidates: size, quota, kept: quota });
      }
    }
    return closePool(pool, { method: 'random', options, order: 'row' }, input, context);
  },
};
