import type { Options } from '../dataset/options.ts';
import type { ClipScoreParams } from './clip-score.ts';
import type { CoidoParams } from './coido.ts';
import type { GradientsParams } from './gradients.ts';
import type { ImageEmbeddingParams } from './image-embedding.ts';
import type { LastGradientParams } from './last-gradient.ts';
import type { LossParams } from './loss-params.ts';
import type { SelfFilterParams } from './self-filter.ts';
import type { TextEmbeddingParams } from './text-embedding.ts';

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
