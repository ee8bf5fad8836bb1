import type { ModelFolder, ResolveOptions } from '../source.ts';
import type { ImageEncoder } from '../types.ts';
import { toFolder } from './sessions.ts';
import { openImageTower } from './towers.ts';

/**
 * Opens an image encoder: the image tower of CLIP or SigLIP.
 * @param model a folder that was found, or a name to find.
 * @throws WinnowError of {@link resolveModel}, `MODEL_INCOMPLETE`, `MODEL_UNSUPPORTED`, `PROCESSOR_UNSUPPORTED`.
 */
export async function loadImageEncoder(model: ModelFolder | string, options?: ResolveOptions): Promise<ImageEncoder> {
  return openImageTower(await toFolder(model, options));
}
