import { graphName } from '../graph-files.ts';

/** Graphs that something here reads; repositories hold others beside them, such as differently optimised copies. */
const READ: ReadonlySet<string> = new Set([
  'model',
  'text_model',
  'vision_model',
  'vision_encoder',
  'embed_tokens',
  'decoder_model',
  'decoder_model_merged',
  'decoder_prefix',
  'decoder_loss',
]);

/** Graphs that another graph of the same folder replaces: nothing here reads them then. */
const REPLACED_BY: Record<string, readonly string[]> = {
  decoder_model: ['decoder_model_merged'],
  model: ['text_model', 'vision_model'],
};

/**
 * Which files of a hub model are needed: configurations, tokenizer, templates, and of every graph the one with the best numbers (fp32, else fp16,
 * else a quantised one) with its external data. No safetensors, no pickles, no code.
 */
export function neededFiles(files: readonly string[]): string[] {
  const graphs = new Map<string, { file: string; rank: number }>();
  for (const file of files) {
    if (!/^(onnx\/)?[^/]+\.onnx$/.test(file)) continue;
    const { base, rank } = graphName(file);
    if (!READ.has(base)) continue;
    const known = graphs.get(base);
    const better = known === undefined || rank < known.rank || (rank === known.rank && file.startsWith('onnx/'));
    if (better) graphs.set(base, { file, rank });
  }
  for (const [base, by] of Object.entries(REPLACED_BY)) if (by.every((other) => graphs.has(other))) graphs.delete(base);
  const chosen = [...graphs.values()].map(({ file }) => file);
  return files.filter((file) => {
    if (chosen.includes(file)) return true;
    if (/\.onnx[._]data(_\d+)?$/.test(file)) return chosen.includes(file.replace(/[._]data(_\d+)?$/, ''));
    if (/^onnx\/[^/]+\.(bin|data|safetensors)$/.test(file)) return true;
    if (file.endsWith('.index.json')) return false;
    return /^[^/]+\.(json|jinja)$/.test(file) || /^\d+_[A-Za-z]+\/config\.json$/.test(file);
  });
}
