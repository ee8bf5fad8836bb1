import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pickWithinBounds } from './within-bounds.ts';

/** The method here: the rows with the largest numbers. */
const best = async (rows: Int32Array, count: number) => ({ kept: rows.slice().sort().reverse().slice(0, count) });
const groupsArbitrary = fc
  .array(
    fc.record({
      size: fc.integer({ min: 0, max: 12 }),
      low: fc.integer({ min: 0, max: 12 }),
      room: fc.integer({ min: 0, max: 12 }),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((made) => {
    let next = 0;
    return made.map(({ size, low, room }) => {
      const rows = Int32Array.from({ length: size }, () => next++);
      return { rows, least: low, most: low + room };
    });
  });

describe('picking within bounds', () => {
  it('holds every floor and limit, and leaves no place empty that may be filled', async () => {
    await fc.assert(
      fc.asyncProperty(groupsArbitrary, fc.integer({ min: 0, max: 80 }), async (groups, budget) => {
        const floors = groups.map(({ rows, least }) => Math.min(least, rows.length));
        const limits = groups.map(({ rows, most }) => Math.min(most, rows.length));
        const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
        fc.pre(sum(floors) <= budget);
        const picks = await pickWithinBounds(groups, budget, best);
        const kept = picks.flatMap(({ picked }) => [...picked.kept]);
        expect(new Set(kept).size).toBe(kept.length);
        expect(kept.length).toBe(Math.min(budget, sum(limits)));
        groups.forEach(({ rows }, g) => {
          const own = kept.filter((row) => rows.includes(row)).length;
          expect(own).toBeGreaterThanOrEqual(floors[g]!);
          expect(own).toBeLessThanOrEqual(limits[g]!);
        });
      }),
    );
  });

  it('changes nothing where the method keeps to the bounds by itself', async () => {
    const rows = (from: number) => Int32Array.from({ length: 10 }, (_, i) => from + i);
    const groups = [
      { rows: rows(0), least: 0, most: 5 },
      { rows: rows(10), least: 3, most: 10 },
    ];
    const picks = await pickWithinBounds(groups, 12, best);
    expect(picks.map(({ groups: own }) => own)).toEqual([[0, 1]]);
    expect([...picks[0]!.picked.kept]).toEqual([19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8]);
  });
});
