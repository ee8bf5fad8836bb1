import type { Options } from '../../base/options.ts';
import type { ClipScoreParams } from '../measured/clip-score.ts';
import type { CoidoParams } from '../measured/coido.ts';
import type { GradientsParams } from '../measured/gradients.ts';
import type { ImageEmbeddingParams } from '../measured/image-embedding.ts';
import type { LastGradientParams } from '../measured/last-gradient.ts';
import type { LossParams } from '../measured/loss-params.ts';
import type { SelfFilterParams } from '../measured/self-filter.ts';
import type { TextEmbeddingParams } from '../measured/text-embedding.ts';

/** A signal with its own options; they are those of `winnow score <signal> --help`. */
export type SignalRequest =
  | ({ signal: 'loss' } & Options<LossParams>)
  | ({ signal: 'text-embedding' } & Options<TextEmbeddingParams>)
  | ({ signal: 'image-embedding' } & Options<ImageEmbeddingParams>)
  | ({ signal: 'clip-score' } & Options<ClipScoreParams>)
  | { signal: 'image-stats' }
  | ({ signal: 'gradients' } & Options<GradientsParams>)
  | ({ signal: 'last-gradient' } & Options<LastGradientParams>)
  | ({ signal: 'self-filter' } & Options<SelfFilterParams>)
  | ({ signal: 'coido' } & Options<CoidoParams>)
  | ({ signal: FeatureSignal } & Record<string, unknown>);

/** Signals whose options are checked when they run, as on the command line. */
type FeatureSignal =
  | 'attention'
  | 'clip-embedding'
  | 'coincide'
  | 'cvs'
  | 'datatailor'
  | 'dics'
  | 'dino'
  | 'error-norm'
  | 'hidden'
  | 'loss-trajectory'
  | 'magic'
  | 'rds'
  | 'scalselect'
  | 'visual';
