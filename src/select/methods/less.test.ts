import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Column } from '../../numeric/columns.ts';
import { openProject, type Project } from '../../store/project.ts';
import { checkpointRates } from '../inputs/checkpoint-rates.ts';
import type { ColumnOrigin } from '../inputs/column-origin.ts';
import type { SelectorInput } from '../selector.ts';
import { less } from './less.ts';

const vectors = (...data: number[]): Column => ({ kind: 'f32', width: 2, data: Float32Array.from(data) });
/** Row 0 points where the target does at the first checkpoint, row 1 at the second. */
const input: SelectorInput = {
  rows: 2,
  columns: { gradient_1: vectors(1, 0, 0, 1), gradient_2: vectors(0, 1, 1, 0) },
  reference: { rows: 1, columns: { gradient_1: vectors(1, 0), gradient_2: vectors(1, 0) } },
};

async function first(rates: SelectorInput['rates'], given: Record<string, unknown> = {}): Promise<[number, unknown]> {
  const options = less.options.parse({ gradients: ['gradient_1', 'gradient_2'], ...given });
  const found = await less.select(rates ? { ...input, rates } : input, options, { budget: 1, seed: 42 });
  return [found.kept[0]!, found.options.weights];
}

it('weighs checkpoints by the rates that were noted, unless weights are given', async () => {
  expect(await first({ gradient_1: 3e-4, gradient_2: 1e-4 })).toEqual([0, [3e-4, 1e-4]]);
  expect(await first({ gradient_1: 1e-4, gradient_2: 3e-4 })).toEqual([1, [1e-4, 3e-4]]);
  expect(await first({ gradient_1: 1e-4, gradient_2: 3e-4 }, { weights: [2, 1] })).toEqual([0, [2, 1]]);
});

it('counts checkpoints alike where the rate of one is not known', async () => {
  expect(await first({ gradient_2: 3e-4 })).toEqual([0, []]);
  expect(await first(undefined)).toEqual([0, []]);
});

let folder = '';
let project: Project;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'winnow-less-'));
  project = await openProject(folder, { create: true });
  const states = { ours: { k: 1, mean_learning_rate: 2e-5 }, theirs: { log_history: [] }, without: undefined };
  for (const [name, state] of Object.entries(states)) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'config.json'), '{}');
    if (state !== undefined) writeFileSync(join(folder, name, 'trainer_state.json'), JSON.stringify(state));
  }
});
afterAll(async () => {
  await project.close();
  rmSync(folder, { recursive: true, force: true });
});

it('reads the mean rate of checkpoints of our own trainer', async () => {
  const checkpoints = ['without', 'theirs', 'ours'].map((name) => join(folder, name));
  const origin = (more: Partial<ColumnOrigin>): ColumnOrigin => ({
    signal: 'gradients',
    version: 1,
    revision: '',
    params: {},
    about: { params: { checkpoints } },
    ...more,
  });
  const from = {
    gradient_1: origin({}),
    gradient_2: origin({}),
    last: origin({ column: 'gradient_3_layer_2' }),
    gradient_3: origin({ about: { imported: {} } }),
    gradient_4: origin({}),
    hidden: origin({ signal: 'hidden' }),
    of_no_run: origin({ column: 'gradient_1', about: { params: { checkpoints: ['gone'] } } }),
  };
  expect(await checkpointRates(project, from)).toEqual({ last: 2e-5 });
});
