import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Member, planChunks } from './plan.ts';

const member = fc
  .record({
    past: fc.constantFrom(0, 0, 5, 9),
    image: fc.nat(4),
    rest: fc.integer({ min: 1, max: 40 }),
    tokens: fc.integer({ min: 1, max: 9 }),
  })
  .map(({ past, image, rest, tokens }): Member => {
    const list = (length: number): Int32Array => new Int32Array(length);
    const sequence = { row: 0, pass: 'multimodal' as const, ids: list(past + rest), positions: list(past + rest) };
    const opening = past === 0 ? '' : `${past}:${image}`;
    return { past, opening, sequence: { ...sequence, queries: list(tokens), labels: list(tokens) } };
  });
const limits = fc.record({ maxTokens: fc.integer({ min: 1, max: 200 }), maxQueries: fc.integer({ min: 1, max: 50 }) });

test('every member is planned once, beside its opening, within the limits', () => {
  fc.assert(
    fc.property(fc.array(member, { maxLength: 60 }), limits, (members, options) => {
      const chunks = planChunks(members, options);
      const planned = chunks.flatMap((chunk) => chunk.batches.flat().map((entry) => entry.member));
      expect(new Set(planned).size).toBe(planned.length);
      expect(new Set(planned)).toEqual(new Set(members));
      for (const { past, openings, batches } of chunks) {
        for (const batch of batches) {
          const longest = Math.max(...batch.map(({ member: m }) => m.sequence.ids.length - past));
          if (batch.length > 1) expect(batch.length * longest).toBeLessThanOrEqual(options.maxTokens);
          for (const { member: m, opening } of batch) {
            expect(m.past).toBe(past);
            if (past > 0) expect(openings[opening]!.opening).toBe(m.opening);
          }
        }
      }
    }),
  );
});

test('an opening is computed once', () => {
  fc.assert(
    fc.property(fc.array(member, { maxLength: 60 }), limits, (members, options) => {
      const openings = planChunks(members, options).flatMap((chunk) => chunk.openings.map((m) => m.opening));
      expect(new Set(openings).size).toBe(openings.length);
    }),
  );
});
