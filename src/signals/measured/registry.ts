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

/** Every signal, in the order in which it is listed. A new one is one file and one line here. */
export const signals: readonly Signal[] = [
  loss,
  textEmbedding,
  imageEmbedding,
  dino,
  clipEmbedding,
  clipScore,
  imageStats,
  lossTrajectory,
  attention,
  errorNorm,
  hidden,
  rds,
  coincideFeatures,
  visual,
  visionRepr,
  magicSignals,
  tokenSpectrum,
  dicsRatios,
  cvsVerdicts,
  gradients,
  lastGradient,
  selfFilterScore,
  coidoScore,
] as readonly Signal[];
