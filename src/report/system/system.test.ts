import { afterEach, expect, it, vi } from 'vitest';
import { systemStatus } from './collect.ts';
import { systemText } from './text.ts';

afterEach(() => vi.unstubAllEnvs());

it('says what works, and the command for a worker that is not set up', async () => {
  vi.stubEnv('WINNOW_PYTHON', '/nowhere/python');
  const status = await systemStatus('.');
  const named = (name: string) => status.parts.find((part) => part.name === name);
  for (const name of ['Node', 'ONNX Runtime', 'sharp', 'DuckDB']) {
    expect(named(name)).toMatchObject({ works: true, detail: expect.stringMatching(/\d/) });
  }
  expect(named('Python worker')).toMatchObject({ works: false, command: 'winnow setup worker' });
  expect(status.memory.totalBytes).toBeGreaterThan(status.memory.freeBytes);
  const text = systemText(status, 60);
  expect(text).toMatch(/Python worker +missing/);
  expect(text.split('\n').at(-1)).toContain('winnow setup worker');
});
