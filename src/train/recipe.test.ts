import { expect, it } from 'vitest';
import { fitToData, ProxyRecipe } from './recipe.ts';

it.each([
  [665_298, {}, 128, 7, undefined],
  [2000, {}, 128, 7, undefined],
  [304, {}, 16, 7, /304 rows.*--batch 16 in place of 128 \(19 steps\)/],
  [5, {}, 1, 5, /--batch 1 in place of 128 and --checkpoints 5 in place of 7/],
  [304, { checkpoints: 3 }, 32, 3, /--batch 32/],
  [304, { batch: 128 }, 128, 3, /--checkpoints 3 in place of 7/],
  [304, { batch: 4, checkpoints: 2 }, 4, 2, undefined],
  [304, { epochs: 4 }, 64, 7, /--batch 64/],
] as const)('%i rows with %j', (rows, given, batch, checkpoints, note) => {
  const fitted = fitToData(ProxyRecipe.parse(given), rows);
  expect(fitted.recipe).toMatchObject({ batch, checkpoints });
  if (note === undefined) expect(fitted.note).toBeUndefined();
  else expect(fitted.note).toMatch(note);
});
