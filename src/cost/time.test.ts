import { expect, it } from 'vitest';
import { assumedServerTime, assumedTime, measuredTime, NOTHING, sharedTime, sumTimes, timeText } from './time.ts';

it('takes the rates of earlier runs, the fastest and the slowest of the large ones', () => {
  const earlier = [
    { rows: 10, passes: 2, seconds: 100 },
    { rows: 1000, passes: 2, seconds: 100 },
    { rows: 1000, passes: 2, seconds: 200 },
  ];
  // 4,000 rows of 1 pass are 4,000 units, at 20 and at 10 a second: 200 to 400 s, with margins.
  expect(measuredTime({ rows: 4000, passes: 1 }, earlier)).toEqual({
    low: 150,
    high: 600,
    basis: 'measured',
    because: 'measured: 1,000 rows took 3 min 20 s in this project',
  });
  expect(measuredTime({ rows: 5, passes: 1 }, [{ rows: 0, passes: 1, seconds: 3 }])).toBeUndefined();
});

it('counts with the loading of the model where the earlier run was short', () => {
  const time = measuredTime({ rows: 1000, passes: 1 }, [{ rows: 10, passes: 1, seconds: 6 }])!;
  expect([time.low, time.high]).toEqual([150, 900]);
  expect(time.because).toMatch(/loading/);
});

it('assumes by the size of the model and says so', () => {
  // 2 x 7e9 x 600 x 2 x 1000 = 1.68e16 operations: 84 s at 200 TFLOP/s, 840 s at 20; 2 to 50 ms a row beside.
  const work = { rows: 1000, passes: 2, parameters: 7e9, tokens: 600, cores: 2 };
  const gpu = assumedTime({ ...work, device: 'gpu' });
  expect([gpu.low, gpu.high]).toEqual([86, 890]);
  expect(timeText(gpu)).toBe(
    'Time: 86 s to 15 min (assumed: 7 billion parameters, 600 tokens a row, 2 passes, one GPU at 20 to 200 TFLOP/s, 2 to 50 ms a row beside it).',
  );
  expect(assumedTime({ ...work, device: 'processor' }).low).toBe(210_000);
  const server = assumedServerTime({ requests: 100, promptTokens: 20_000 });
  expect([server.low, server.high]).toEqual([1.5, 30]);
});

it('adds up, and bounds what shares passes by the longest', () => {
  const times = [10, 20].map((low) => ({ low, high: 2 * low, basis: 'measured' as const, because: 'measured' }));
  expect(sumTimes(times)).toMatchObject({
    low: 30,
    high: 60,
    basis: 'measured',
    because: 'the longest of 2 parts is measured',
  });
  expect(sharedTime(times)).toMatchObject({ low: 20, high: 60 });
  expect(timeText(sumTimes([NOTHING]))).toBe('Time: none, everything is there already.');
});
