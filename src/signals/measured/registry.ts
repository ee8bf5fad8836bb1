// Written by scripts/write-registries.mjs from the files of this folder. Do not edit.
import type { Options } from '../../base/options.ts';
import type { Signal } from '../signal.ts';
import { attention } from './attention.ts';
import { clipEmbedding } from './clip-embedding.ts';
import { clipScore } from './clip-score.ts';
import { coidoScore } from './coido.ts';
import { coincideFeatures } from './coincide.ts';
import { cvsVerdicts } from './cvs.ts';
import { tokenSpectrum } from './datatailor.ts';
import { dicsRatios } from './dics.ts';
import { dino } from './dino.ts';
import { errorNorm } from './error-norm.ts';
import { gradients } from './gradients.ts';
import { hidden } from './hidden.ts';
import { imageEmbedding } from './image-embedding.ts';
import { imageStats } from './image-stats.ts';
import { lastGradient } from './last-gradient.ts';
import { loss } from './loss.ts';
import { lossTrajectory } from './loss-trajectory.ts';
import { magicSignals } from './magic.ts';
import { rds } from './rds.ts';
import { selfFilterScore } from './self-filter.ts';
import { textEmbedding } from './text-embedding.ts';
import { visionRepr } from './vision-repr.ts';
import { visual } from './visual.ts';

/** Every signal, in the order in which it is listed. */
export const signals: readonly Signal[] = [
  loss as Signal,
  textEmbedding as Signal,
  imageEmbedding as Signal,
  dino as Signal,
  clipEmbedding as Signal,
  clipScore as Signal,
  imageStats as Signal,
  lossTrajectory as Signal,
  attention as Signal,
  errorNorm as Signal,
  hidden as Signal,
  rds as Signal,
  coincideFeatures as Signal,
  visual as Signal,
  visionRepr as Signal,
  magicSignals as Signal,
  tokenSpectrum as Signal,
  dicsRatios as Signal,
  cvsVerdicts as Signal,
  gradients as Signal,
  lastGradient as Signal,
  selfFilterScore as Signal,
  coidoScore as Signal,
];

type OptionsOf<T> = T extends Signal<infer O> ? Options<O> : never;

/** A signal with its own options; they are those of `winnow score <signal> --help`. */
export type SignalRequest =
  | ({ signal: 'attention' } & OptionsOf<typeof attention>)
  | ({ signal: 'clip-embedding' } & OptionsOf<typeof clipEmbedding>)
  | ({ signal: 'clip-score' } & OptionsOf<typeof clipScore>)
  | ({ signal: 'coido' } & OptionsOf<typeof coidoScore>)
  | ({ signal: 'coincide' } & OptionsOf<typeof coincideFeatures>)
  | ({ signal: 'cvs' } & OptionsOf<typeof cvsVerdicts>)
  | ({ signal: 'datatailor' } & OptionsOf<typeof tokenSpectrum>)
  | ({ signal: 'dics' } & OptionsOf<typeof dicsRatios>)
  | ({ signal: 'dino' } & OptionsOf<typeof dino>)
  | ({ signal: 'error-norm' } & OptionsOf<typeof errorNorm>)
  | ({ signal: 'gradients' } & OptionsOf<typeof gradients>)
  | ({ signal: 'hidden' } & OptionsOf<typeof hidden>)
  | ({ signal: 'image-embedding' } & OptionsOf<typeof imageEmbedding>)
  | ({ signal: 'image-stats' } & OptionsOf<typeof imageStats>)
  | ({ signal: 'last-gradient' } & OptionsOf<typeof lastGradient>)
  | ({ signal: 'loss' } & OptionsOf<typeof loss>)
  | ({ signal: 'loss-trajectory' } & OptionsOf<typeof lossTrajectory>)
  | ({ signal: 'magic' } & OptionsOf<typeof magicSignals>)
  | ({ signal: 'rds' } & OptionsOf<typeof rds>)
  | ({ signal: 'scalselect' } & OptionsOf<typeof visionRepr>)
  | ({ signal: 'self-filter' } & OptionsOf<typeof selfFilterScore>)
  | ({ signal: 'text-embedding' } & OptionsOf<typeof textEmbedding>)
  | ({ signal: 'visual' } & OptionsOf<typeof visual>);
