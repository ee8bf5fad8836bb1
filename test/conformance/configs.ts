import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WinnowError } from '../../src/base/errors.ts';
import { checkpointSteps, layOut, sampleOrder } from '../../src/train/schedule.ts';
import type { FolderCheck, Verdict } from './check.ts';
import { differs } from './compare.ts';

interface Schedule {
  cases: { S: number; T: number; steps?: number[]; error?: string }[];
}
interface Order {
  cases: { ids: string[]; seed: number; epoch: number; order: string[] }[];
  layout?: { B: number; N: number; G: number; tail: string; rows: unknown[]; tail_ids: string[] };
}

const CHECKS: readonly { file: RegExp; run(data: never): string | undefined }[] = [
  { file: /^ckpt_schedule.*\.json$/, run: checkSchedule },
  { file: /^sample_order.*\.json$/, run: checkOrder },
];

/**
 * When checkpoints are saved and in which order samples are seen. The files that other trainers read are not made yet.
 */
export const configsCheck: FolderCheck = {
  folder: 'configs',
  async runAll(path, fixtures) {
    const found = new Map<string, Verdict>();
    for (const { file } of fixtures) {
      const check = CHECKS.find((one) => one.file.test(file));
      if (check === undefined) continue;
      const difference = check.run(JSON.parse(await readFile(join(path, file), 'utf8')) as never);
      found.set(file, { difference });
    }
    return found;
  },
};

function checkSchedule({ cases }: Schedule): string | undefined {
  for (const { S, T, steps } of cases) {
    const difference = differs('steps', steps ?? 'an error', attempt(S, T));
    if (difference !== undefined) return `S ${S}, T ${T}: ${difference}`;
  }
  return undefined;
}

function attempt(steps: number, checkpoints: number): number[] | string {
  try {
    return checkpointSteps(steps, checkpoints);
  } catch (error) {
    if (error instanceof WinnowError) return 'an error';
    throw error;
  }
}

function checkOrder({ cases, layout }: Order): string | undefined {
  for (const { ids, seed, epoch, order } of cases) {
    const difference = differs(
      'order',
      order,
      sampleOrder(ids, seed, epoch).map((i) => ids[i]),
    );
    if (difference !== undefined) return `seed ${seed}, epoch ${epoch}: ${difference}`;
  }
  if (layout === undefined) return undefined;
  const cut = layOut(cases[0]!.order, { microBatch: layout.B, ranks: layout.N, accumulate: layout.G, tail: 'dropped' });
  const rows = cut.batches.map(({ items, ...place }) => ({ ...place, ids: items }));
  return differs('layout', { rows: layout.rows, tail_ids: layout.tail_ids }, { rows, tail_ids: cut.tail });
}
