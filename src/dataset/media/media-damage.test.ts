import sharp from 'sharp';
import { expect, it } from 'vitest';
import { damageOf } from './media-damage.ts';

const noise = () =>
  sharp(Buffer.from(Array.from({ length: 40 * 30 * 3 }, (_, i) => (i * 89) % 251)), {
    raw: { width: 40, height: 30, channels: 3 },
  });

it.each(['jpeg', 'png', 'webp', 'gif'] as const)('tells a cut %s from one that is whole', async (format) => {
  const bytes = await noise().withMetadata({ orientation: 6 }).toFormat(format).toBuffer();
  expect(damageOf(bytes)).toMatch(/^damaged/);
  for (const share of [0.4, 0.7, 0.97]) expect(damageOf(bytes.subarray(0, bytes.length * share))).toMatch(/^truncated/);
});

it('says what is no image', () => {
  expect(damageOf(Buffer.from('<!DOCTYPE html><html>'))).toBe('it is no image but HTML page');
  expect(damageOf(Buffer.from('abc'))).toMatch(/no known kind/);
  expect(damageOf(Buffer.alloc(0))).toBe('the file is empty');
});
