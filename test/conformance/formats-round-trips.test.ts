import { expect, it } from 'vitest';
import { conformFormats } from './formats-round-trips.ts';

it('reproduces every fixture of its formats, both ways', async () => {
  const checks = await conformFormats('test/goldens/formats');
  expect(checks.filter((check) => check.status !== 'ok')).toEqual([]);
  expect(checks).toHaveLength(13);
});
