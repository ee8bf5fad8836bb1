import { createRandom } from '../../../numeric/philox.ts';
import { mean } from '../../../numeric/statistics/statistics.ts';
import { largestRemainder } from '../../kit/allocate.ts';

/** A task: its rows that compete, and those of them that difficulty is measured by. */
export interface PreselTask {
  id: number;
  label: string;
  members: number[];
  reference: number[];
}

/** Draws `share` of the rows of all tasks as a reference, from each in proportion (largest remainder). */
export function drawReference(tasks: readonly PreselTask[], share: number, seed: number): void {
  const sizes = tasks.map(({ members }) => members.length);
  const rows = sizes.reduce((sum, size) => sum + size, 0);
  const random = createRandom(seed, 'select/presel');
  const { taken } = largestRemainder(sizes, Math.round(share * rows));
  tasks.forEach((task, t) => {
    task.reference = Array.from(random.sample(task.members.length, taken[t]!), (i) => task.members[i]!);
  });
}

/**
 * r_t, the mean over a task's reference of IRS = L(y | x, I) / L(y | I): low where the question helps the answer. Rows
 * without two finite, positive losses don't count; a task without any takes the mean of the other tasks.
 */
export function taskDifficulty(
  tasks: readonly PreselTask[],
  withQuestion: ArrayLike<number>,
  imageOnly: ArrayLike<number>,
): { difficulty: number[]; unmeasured: number } {
  const known = tasks.map(({ reference }) =>
    mean(reference.map((row) => (imageOnly[row]! > 0 ? withQuestion[row]! / imageOnly[row]! : Number.NaN))),
  );
  const middle = mean(known);
  const fallback = Number.isNaN(middle) ? 1 : middle;
  return {
    difficulty: known.map((r) => (Number.isNaN(r) ? fallback : r)),
    unmeasured: known.filter((r) => Number.isNaN(r)).length,
  };
}
