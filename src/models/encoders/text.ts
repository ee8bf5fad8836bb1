import { readJsonIn } from '../processing/files.ts';
import type { ModelFolder, ResolveOptions } from '../source.ts';
import type { TextEncoder } from '../types.ts';
import { openSentenceEncoder } from './sentence.ts';
import { toFolder } from './sessions.ts';
import { openTextTower } from './towers.ts';

export { fitLexical } from './lexical.ts';

/**
 * Opens a text encoder: the text tower of CLIP or SigLIP, or a sentence encoder of BERT's type. The lexical encoder is
 * fitted instead of loaded: see {@link fitLexical}.
 * @param model a folder that was found, or a name to find.
 * @throws WinnowError of {@link resolveModel}, `MODEL_INCOMPLETE`, `MODEL_UNSUPPORTED`.
 */
export async function loadTextEncoder(model: ModelFolder | string, options?: ResolveOptions): Promise<TextEncoder> {
  const folder = await toFolder(model, options);
  const type = String((await readJsonIn(folder.folder, 'config.json'))?.model_type);
  return /^(clip|siglip)/.test(type) ? openTextTower(folder) : openSentenceEncoder(folder);
}
