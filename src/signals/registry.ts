import { attention } from './attention.ts';
import { clipScore } from './clip-score.ts';
import { coidoScore } from './coido.ts';
import { errorNorm } from './error-norm.ts';
import { gradients } from './gradients.ts';
import { imageEmbedding } from './image-embedding.ts';
import { imageStats } from './image-stats.ts';
import { lastGradient } from './last-gradient.ts';
import { loss } from './loss.ts';
import { selfFilterScore } from './self-filter.ts';
import { lossTrajectory } from './loss-trajectory.ts';
import type { Signal } from './signal.ts';
import { textEmbedding } from './text-embedding.ts';

/** Every signal, in the order in which it is listed. A new one is one file and one line here. */
export const signals: readonly Signal[] = [
  loss,
  textEmbedding,
  imageEmbedding,
  clipScore,
  imageStats,
  lossTrajectory,
  attention,
  errorNorm,
  gradients,
  lastGradient,
  selfFilterScore,
  coidoScore,
] as readonly Signal[];
