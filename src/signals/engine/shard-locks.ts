import { setTimeout as sleep } from 'node:timers/promises';
import { describeHolder, type Holder } from '../../store/lock.ts';
import { rowsToMeasure, type Shard } from '../../store/shard-plan.ts';
import { claimShard, discardDamaged } from '../../store/shards.ts';
import type { ScorePlan } from '../signal.ts';

/** How often to look whether another process has finished its shards, in ms. */
const LOOK_AGAIN_MS = 250;

/** Missing shards of a plan that this process alone computes. */
export interface LockedShards {
  plan: ScorePlan;
  shards: Shard[];
}

/** Shards of a plan that nobody has computed yet. */
export const missingShards = ({ shards }: ScorePlan): Shard[] => shards.shards.filter((shard) => !shard.done);

/**
 * Missing shards of several plans, locked while the loop's body computes them and done behind it, until none is left:
 * what other processes are computing is waited for, in case one of them dies.
 *
 * @param most shards at once: 1 lets several processes share the work, all of them are one job
 */
export async function* lockedShards(plans: readonly ScorePlan[], most: number): AsyncGenerator<LockedShards[]> {
  const { signal } = plans[0]!.context;
  for (;;) {
    signal?.throwIfAborted();
    const locks: AsyncDisposable[] = [];
    const locked: LockedShards[] = [];
    let holder: Holder | undefined;
    try {
      for (const plan of plans) {
        const shards: Shard[] = [];
        for (const shard of missingShards(plan)) {
          if (locks.length === most) break;
          const claim = await claimShard(plan.project, shard);
          if ('holder' in claim) holder = claim.holder;
          if (!('lock' in claim)) continue;
          locks.push(claim.lock);
          await discardDamaged(plan.project, shard);
          shards.push(shard);
        }
        if (shards.length > 0) locked.push({ plan, shards });
      }
      if (locked.length > 0) yield locked;
      for (const { shards } of locked) for (const shard of shards) shard.done = true;
    } finally {
      for (const lock of locks) await lock[Symbol.asyncDispose]();
    }
    if (locked.length > 0) continue;
    if (holder === undefined) return;
    reportWaiting(plans[0]!, holder);
    await sleep(LOOK_AGAIN_MS, undefined, { signal });
  }
}

function reportWaiting(plan: ScorePlan, holder: Holder): void {
  const { context, shards, summary } = plan;
  const what = `${summary.signal} of ${summary.dataset}: waiting for ${describeHolder(holder)}, which computes the rest`;
  context.progress?.(what, summary.rowsMissing - rowsToMeasure(shards, missingShards(plan)), summary.rowsMissing);
}
