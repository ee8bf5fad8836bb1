import { z } from 'zod';
import { createRandom, type Random } from '../numeric/philox.ts';
import { largestRemainder } from './allocate.ts';
import { closePool, countAsOneGroup, drawInto, openPool } from './pool.ts';
import { groupBy } from './read-columns.ts';
import type { Selector, TextOnlyPolicy } from './selector.ts';
import { textOnlyOption } from './text-only-option.ts';

export interface RandomOptions extends Record<string, unknown> {
  stratify: 'none' | 'source';
  textOnly: TextOnlyPolicy;
}

/** Positions drawn from rows that fall into groups: each group gives its Hamilton share of the budget. Group -1 is a group like others. */
export function drawStratified(
  groups: ArrayLike<number>,
  budget: number,
  random: Random,
): { drawn: Int32Array; sizes: Map<number, number>; quotas: Map<number, number> } {
  const members = new Map<number, number[]>();
  for (let i = 0; i < groups.length; i++) {
    const group = members.get(groups[i]!);
    if (group === undefined) members.set(groups[i]!, [i]);
    else group.push(i);
  }
  const ordered = [...members].sort(([a], [b]) => a - b);
  const sizes = ordered.map(([, rows]) => rows.length);
  const { taken } = largestRemainder(sizes, Math.min(budget, groups.length));
  const drawn = ordered.flatMap(([, rows], g) => [...random.sample(rows.length, taken[g]!)].map((i) => rows[i]!));
  return {
    drawn: Int32Array.from(drawn),
    sizes: new Map(ordered.map(([group], g) => [group, sizes[g]!])),
    quotas: new Map(ordered.map(([group], g) => [group, taken[g]!])),
  };
}

/** The baseline that every method has to beat. */
export const random: Selector<RandomOptions> = {
  name: 'random',
  title: 'Random',
  source: 'no source: the baseline of every paper',
  summary: 'Draws without replacement, every row as likely as the others, or each source in proportion to its size.',
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
      const { drawn, sizes, quotas } = drawStratified(groups, pool.budget, stream);
      drawInto(pool, rows, drawn.length, drawn, codes);
      for (const [group, size] of sizes) {
        const label = group < 0 ? 'no source' : String(labels[group]);
        const quota = quotas.get(group)!;
        pool.counts.push({ cluster: group, label, size, candidates: size, quota, kept: quota });
      }
    }
    return closePool(pool, { method: 'random', options, order: 'row' }, input, context);
  },
};
