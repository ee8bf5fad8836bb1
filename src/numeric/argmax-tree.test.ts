import fc from 'fast-check';
import { expect, it } from 'vitest';
import { openArgmaxTree } from './argmax-tree.ts';

it('always knows the first of the largest values', () => {
  const values = fc.array(fc.integer({ min: -3, max: 3 }), { maxLength: 20 });
  const changes = fc.array(fc.tuple(fc.nat(19), fc.option(fc.integer({ min: -4, max: 4 }))), { maxLength: 30 });
  fc.assert(
    fc.property(values, changes, (initial, made) => {
      const tree = openArgmaxTree(initial);
      const plain = new Map(initial.map((value, row) => [row, value]));
      const check = (): void => {
        const largest = Math.max(...plain.values());
        const first = [...plain].sort(([a], [b]) => a - b).find(([, value]) => value === largest);
        expect(tree.best()).toBe(first?.[0] ?? -1);
      };
      check();
      for (const [at, value] of made) {
        if (!plain.has(at)) continue;
        if (value === null) {
          tree.remove(at);
          plain.delete(at);
        } else {
          tree.set(at, value);
          plain.set(at, value);
        }
        expect(tree.has(at)).toBe(plain.has(at));
        check();
      }
    }),
  );
});
