import { setTimeout as sleep } from 'node:timers/promises';
import { describeHolder, type Holder } from '../../store/lock.ts';
import { claimShard, type Shard } from '../../store/shards.ts';
import type { ScorePlan } from '../signal.ts';

/** How often to look whether another process has finished its shards, in ms. */
const LOOK_AGAIN_MS = 250;

/** Shards of a plan that this process has claimed. */
export interface Claimed {
  plan: ScorePlan;
  shards: Shard[];
}

/** Shards of a plan that nobody has computed yet. */
export const lacking = ({ shards }: ScorePlan): Shard[] => shards.shards.filter((shard) => !shard.done);

export const rowsOf = (shards: readonly Shard[]): number =>
  shards.reduce((rows, { start, end }) => rows + end - start, 0);

/**
 * Claims missing shards and computes them, until none is left: what other processes are computing is waited for, in
 * case one of them dies.
 *
 * @param most shards claimed at once: 1 lets several processes share the work, all of them are one job
 * @returns rows that were computed here, by plan
 */
export async function underClaims(
  plans: readonly ScorePlan[],
  most: number,
  compute: (claimed: Claimed[]) => Promise<void>,
): Promise<number[]> {
  const computed = plans.map(() => 0);
  const { signal } = plans[0]!.context;
  for (;;) {
    signal?.throwIfAborted();
    const locks: AsyncDisposable[] = [];
    const claimed: Claimed[] = [];
    let holder: Holder | undefined;
    try {
      for (const plan of plans) {
        const shards: Shard[] = [];
        for (const shard of lacking(plan)) {
          if (locks.length === most) break;
          const claim = await claimShard(plan.project, shard);
          if ('holder' in claim) holder = claim.holder;
          if (!('lock' in claim)) continue;
          locks.push(claim.lock);
          shards.push(shard);
        }
        if (shards.length > 0) claimed.push({ plan, shards });
      }
      if (claimed.length > 0) await compute(claimed);
      for (const { plan, shards } of claimed) {
        for (const shard of shards) shard.done = true;
        computed[plans.indexOf(plan)]! += rowsOf(shards);
      }
    } finally {
      for (const lock of locks) await lock[Symbol.asyncDispose]();
    }
    if (claimed.length > 0) continue;
    if (holder === undefined) return computed;
    tellWaiting(plans[0]!, holder);
    await sleep(LOOK_AGAIN_MS, undefined, { signal });
  }
}

function tellWaiting(plan: ScorePlan, holder: Holder): void {
  const { context, summary } = plan;
  const what = `${summary.signal} of ${summary.dataset}: waiting for ${describeHolder(holder)}, which computes the rest`;
  context.progress?.(what, summary.rowsMissing - rowsOf(lacking(plan)), summary.rowsMissing);
}
