import { expect, it } from 'vitest';
import { classesOf, DEFAULT_THRESHOLDS, necessityClass, thresholdsOf } from './necessity-class.ts';

it.each([
  [{ necessity: 0.0504 }, 'critical'],
  [{ necessity: Math.fround(0.05) }, 'redundant'],
  [{ necessity: 0.05 }, 'redundant'],
  [{ necessity: -0.05 }, 'redundant'],
  [{ necessity: -0.0504 }, 'misaligned'],
  [{ necessity: 0, blind: 0.69 }, 'redundant'],
  [{ necessity: 0, blind: 0.7 }, 'neither'],
  [{ necessity: 3, blind: 9 }, 'critical'],
  [{ necessity: 0, blind: 0, textOnly: true }, 'text-only'],
  [{ necessity: Number.NaN, textOnly: true }, undefined],
  [{ necessity: Number.POSITIVE_INFINITY }, undefined],
] as const)('%o is %s', (facts, name) => expect(necessityClass(facts, DEFAULT_THRESHOLDS)).toBe(name));

it('parts by what a method was asked for', () => {
  expect(thresholdsOf({ threshold: 1, blindThreshold: 2 })).toEqual({ critical: 1, misaligned: -1, blind: 2 });
  expect(thresholdsOf({})).toEqual(DEFAULT_THRESHOLDS);
  const columns = { necessity: [0.5, -2, null], blind: [3, 1, 1] };
  expect(classesOf(columns, thresholdsOf({ threshold: 1, blindThreshold: 2 }))).toEqual([
    'neither',
    'misaligned',
    undefined,
  ]);
});
