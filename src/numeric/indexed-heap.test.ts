import fc from 'fast-check';
import { expect, it } from 'vitest';
import { openIndexedHeap } from './indexed-heap.ts';

it('gives the largest of what is in it, whatever changes', () => {
  const step = fc.record({ item: fc.nat({ max: 19 }), value: fc.integer({ min: -5, max: 5 }), pop: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const values = new Float64Array(20);
      const heap = openIndexedHeap(values);
      const inside = new Set<number>();
      for (const { item, value, pop } of steps) {
        values[item] = value;
        if (inside.has(item)) heap.update(item);
        else {
          heap.push(item);
          inside.add(item);
        }
        heap.update(item);
        const best = [...inside].sort((a, b) => values[b]! - values[a]! || a - b)[0];
        expect(heap.peek()).toBe(best);
        if (!pop) continue;
        expect(heap.pop()).toBe(best);
        inside.delete(best!);
        expect(heap.size).toBe(inside.size);
      }
    }),
  );
  expect(openIndexedHeap([]).pop()).toBe(-1);
});
