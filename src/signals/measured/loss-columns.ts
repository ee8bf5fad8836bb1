import { type Column, type ColumnSpec, listColumn } from '../../numeric/columns.ts';
import { forwardPass, PASSES, type Pass } from '../engine/cost-model.ts';
import type { LossParams } from './loss-params.ts';
import { columnSuffix, type LossVariant, type RowLoss } from './row-loss.ts';

/** Column of a blind variant: `nll_blind_masked`, `necessity_masked`, `token_blind_masked`. */
function blindColumn(what: 'nll_blind' | 'necessity' | 'token_blind', variant: LossVariant): string {
  return `${what}_${columnSuffix(variant)}`;
}

/** What is measured with these options. */
export function lossColumns(params: LossParams): ColumnSpec[] {
  const specs: ColumnSpec[] = [
    { name: 'nll_mm', kind: 'f32', measures: 'mean response loss with the image, nats/token' },
    { name: 'response_tokens', kind: 'i32', measures: 'response positions the mean is over (end of turn included)' },
    { name: 'response_ids', kind: 'list', measures: "ids of the tokens at these positions, in the model's vocabulary" },
  ];
  for (const variant of params.blind) {
    specs.push(
      {
        name: blindColumn('nll_blind', variant),
        kind: 'f32',
        measures: `mean response loss without the image (${variant}), nats/token`,
      },
      {
        name: blindColumn('necessity', variant),
        kind: 'f32',
        measures: `visual necessity S = blind (${variant}) - with the image, nats/token`,
      },
    );
  }
  if (params.direct) {
    specs.push({ name: 'nll_direct', kind: 'f32', measures: 'mean response loss of the answer alone, nats/token' });
  }
  if (params.imageOnly) {
    specs.push({
      name: 'nll_image_only',
      kind: 'f32',
      measures: 'mean response loss after the image alone, nats/token',
    });
  }
  if (params.server !== undefined) {
    specs.push({
      name: 'image_tokens',
      kind: 'i32',
      measures: 'prompt tokens that the images add, as the server counts',
    });
  }
  if (params.perToken) {
    specs.push({ name: 'token_mm', kind: 'list', measures: 'loss of each response token with the image, nats' });
    for (const variant of params.blind) {
      specs.push({
        name: blindColumn('token_blind', variant),
        kind: 'list',
        measures: `loss of each response token without the image (${variant}), nats`,
      });
    }
    specs.push({ name: 'token_texts', kind: 'text', measures: 'the response tokens, a JSON array of strings' });
  }
  return specs;
}

/** Losses of a shard as columns. A failed row is NaN everywhere and quarantined with its reason. */
export function toColumns(losses: readonly (RowLoss | null)[], params: LossParams): Record<string, Column> {
  const scalar = (read: (loss: RowLoss & { ok: true }) => number): Column => ({
    kind: 'f32',
    width: 1,
    data: Float32Array.from(losses, (loss) => (loss?.ok ? read(loss) : Number.NaN)),
  });
  const blind = (loss: RowLoss & { ok: true }, variant: LossVariant) => loss.blind[variant] ?? loss.multimodal;
  const result: Record<string, Column> = {
    nll_mm: scalar((loss) => loss.multimodal.mean),
    response_tokens: { kind: 'i32', width: 1, data: Int32Array.from(losses, (loss) => (loss?.ok ? loss.tokens : 0)) },
    response_ids: listColumn(losses.map((loss) => (loss?.ok ? Float32Array.from(loss.ids) : undefined))),
  };
  for (const variant of params.blind) {
    result[blindColumn('nll_blind', variant)] = scalar((loss) => blind(loss, variant).mean);
    // S = L_blind - L_mm  (VisNec, eq. 3)
    result[blindColumn('necessity', variant)] = scalar((loss) => blind(loss, variant).mean - loss.multimodal.mean);
  }
  if (params.server !== undefined) {
    const counts = Int32Array.from(losses, (loss) => (loss?.ok ? (loss.imageTokens ?? 0) : 0));
    result.image_tokens = { kind: 'i32', width: 1, data: counts };
  }
  if (params.perToken) {
    result.token_mm = listColumn(losses.map((loss) => (loss?.ok ? loss.multimodal.perToken : undefined)));
    for (const variant of params.blind) {
      result[blindColumn('token_blind', variant)] = listColumn(
        losses.map((loss) => (loss?.ok ? blind(loss, variant).perToken : undefined)),
      );
    }
    result.token_texts = {
      kind: 'text',
      width: 1,
      data: losses.map((loss) => (loss?.ok && loss.tokenTexts !== undefined ? JSON.stringify(loss.tokenTexts) : null)),
    };
  }
  return result;
}

/** Passes behind a column, whichever blind variant it is of. */
export function lossPasses(column: string): readonly Pass[] {
  if (column === 'nll_direct') return [DIRECT];
  if (column === 'nll_image_only') return [IMAGE_ONLY];
  return /^(nll_blind|token_blind|necessity)/.test(column) ? [PASSES.image, PASSES.blind] : [PASSES.image];
}

const DIRECT: Pass = { ...forwardPass('direct', 'the model reads the answer alone'), tokens: 'text' };
const IMAGE_ONLY = forwardPass('image-only', 'the model reads image and answer');
