import { expect, it } from 'vitest';
import type { ColumnOrigin } from './column-origin.ts';
import { refuseMixedLosses, refuseOtherOrigin } from './comparable.ts';

const origin = (column: string, more: Partial<ColumnOrigin> = {}): ColumnOrigin => ({
  signal: 'loss',
  version: 1,
  revision: 'abc',
  params: {},
  about: { model: 'micro-vlm' },
  column,
  ...more,
});
const served = (column: string, server: string, revision = 'vllm:m') =>
  origin(column, { params: { server }, revision, about: { model: 'm' } });

it('takes losses of one source, and other columns from anywhere', () => {
  refuseMixedLosses({});
  refuseMixedLosses({ nll_mm: origin('nll_mm'), necessity: origin('necessity_masked') });
  refuseMixedLosses({ nll_mm: served('nll_mm', 'a'), necessity: served('necessity_http_drop', 'a') });
  refuseMixedLosses({ nll_mm: served('nll_mm', 'a'), clip_score: origin('clip_score', { signal: 'clip-score' }) });
});

it.each([
  ['a server and this machine', { nll_mm: served('nll_mm', 'a'), nll_blind: origin('nll_blind_masked') }],
  ['two servers', { nll_mm: served('nll_mm', 'a'), nll_blind: served('nll_blind_http_drop', 'b') }],
  ['two models of one server', { nll_mm: served('nll_mm', 'a'), x: served('nll_mm', 'a', 'vllm:other') }],
  ['two variants', { a: origin('nll_blind_masked'), b: origin('necessity_drop') }],
  ['two variants of a server', { a: served('nll_blind_http_drop', 'a'), b: served('necessity_http_grey', 'a') }],
])('refuses %s', (_, from) => {
  expect(() => refuseMixedLosses(from)).toThrow(expect.objectContaining({ code: 'LOSSES_MIXED', exitCode: 2 }));
});

const gradient = (params: Record<string, unknown>, more: Partial<ColumnOrigin> = {}) => ({
  gradient_1: origin('gradient_1', { signal: 'gradients', params: { dims: 64, seed: 0, ...params }, ...more }),
});

it('compares with a target that was measured alike', () => {
  refuseOtherOrigin(gradient({ gradient: 'adam' }), gradient({ gradient: 'sgd' }));
  refuseOtherOrigin(gradient({}), {});
  refuseOtherOrigin(gradient({ seed: 1 }), gradient({}, { about: { imported: { note: null } } }));
  refuseOtherOrigin(gradient({}), { gradient_1: origin('gradient_1', { signal: 'other' }) });
  const lexical = (hash: string) => ({
    both: origin('both', { signal: 'text-embedding', revision: `lexical-${hash}` }),
  });
  refuseOtherOrigin(lexical('a'), lexical('b'));
});

it.each([
  ['another seed', gradient({ seed: 1 }), 'seed'],
  ['other layers', gradient({ targets: ['v_proj'] }), 'targets'],
  ['another model', gradient({}, { revision: 'xyz' }), 'the model'],
])('refuses a target of %s', (_, target, what) => {
  const refused = expect.objectContaining({ code: 'REFERENCE_DIFFERS', message: expect.stringContaining(`(${what})`) });
  expect(() => refuseOtherOrigin(gradient({}), target)).toThrow(refused);
});
