import { afterEach, expect, it, vi } from 'vitest';
import { remoteHas } from './download.ts';

afterEach(() => vi.unstubAllEnvs());

it('never shows the token that it sends', async () => {
  const token = 'hf_Ab3dEf6hIj9kLm2nOp5q';
  vi.stubEnv('HF_TOKEN', token);
  const place = { id: 'a/b', revision: 'main', cacheDir: '/nowhere' } as never;
  const part = { holds: () => true } as never;
  const failing = async () => Promise.reject(new TypeError(`invalid header "Bearer ${token}"`));
  const lying = async () => new Response(JSON.stringify({ sha: token, siblings: [] }));
  for (const fetch of [failing, lying]) {
    const error: Error = await remoteHas(place, part, { fetch } as never).then(
      () => expect.unreachable(),
      (thrown) => thrown,
    );
    expect(error.message).toContain('***');
    expect(`${error.message} ${error.stack} ${error.cause}`).not.toContain(token.slice(3, 12));
  }
});
