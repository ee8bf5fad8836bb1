import { expect, it } from 'vitest';
import type { ColumnOrigin } from './column-origin.ts';
import { refuseMixedLosses } from './one-source.ts';

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
