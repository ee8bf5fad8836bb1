import pMap from 'p-map';
import { type Json, readJsonIn } from '../processing/files.ts';
import { loadTokenizer, type Tokenizer } from '../processing/tokenizer.ts';
import type { ModelFolder } from '../source.ts';
import type { TextEncoder } from '../types.ts';
import { readSentenceHead } from './pooling.ts';
import { chooseOutput, GRAPH, openGraph, putUnit } from './sessions.ts';
import { batchByLength, countCut, frameIds, textFeeds } from './tokens.ts';

/**
 * Opens a sentence encoder of BERT's type (MiniLM, BGE, E5, GTE …): last hidden states, pooled as
 * `1_Pooling/config.json` says (mean when it says nothing), at unit length; a graph that gives `sentence_embedding` has
 * done so itself. Longer texts are cut to `max_seq_length` of `sentence_bert_config.json`, else to the tokenizer's
 * limit, and to the model's positions.
 * @throws WinnowError `MODEL_INCOMPLETE`, `MODEL_UNSUPPORTED`.
 */
export async function openSentenceEncoder(model: ModelFolder): Promise<TextEncoder> {
  const config = (await readJsonIn(model.folder, 'config.json')) ?? {};
  const sentence = (await readJsonIn(model.folder, 'sentence_bert_config.json')) ?? {};
  const tokenizer = await loadTokenizer(model.folder);
  const limit = lengthLimit(sentence, tokenizer, config);
  const graph = await openGraph(model, ['model']);
  try {
    const port = chooseOutput(model, graph, ['sentence_embedding', 'last_hidden_state', 'token_embeddings']);
    const head = port.name === 'sentence_embedding' ? undefined : await readSentenceHead(model);
    const width = Number(port.shape.at(-1)) || Number(config.hidden_size);
    const dim = width * (head?.parts ?? 1);
    const padId = tokenizer.idOf(tokenizer.special.pad_token ?? '[PAD]') ?? 0;
    const lower = sentence.do_lower_case === true;
    const asRead = (text: string): string => (head?.prompt ?? '') + (lower ? text.toLowerCase() : text);
    let cut = 0;
    return {
      name: model.name,
      revision: model.revision,
      dim,
      limit,
      cut: () => cut,
      encode: async (texts, options) => {
        const out = new Float32Array(texts.length * dim);
        const batches = batchByLength(texts, (text) => frameIds(tokenizer, asRead(text), limit));
        cut += countCut(batches, limit, (row) => tokenizer.encode(asRead(texts[row]!)).length, tokenizer);
        await pMap(
          batches,
          async (batch) => {
            const feeds = textFeeds(batch, padId, graph.inputs);
            const [states] = await graph.pool.run(
              [{ graph: GRAPH, feeds, outputs: [port.name] }],
              [{ step: 0, output: port.name }],
            );
            batch.rows.forEach((rows, i) => {
              const vector =
                head?.pool(states!, i, batch.ids[i]!.length) ??
                (states!.data as Float32Array).subarray(i * dim, (i + 1) * dim);
              for (const row of rows) putUnit(out, row, vector);
            });
          },
          { concurrency: graph.pool.size + 1, signal: options?.signal },
        );
        return out;
      },
      close: () => graph.pool.close(),
    };
  } catch (error) {
    await graph.pool.close();
    throw error;
  }
}

/** Model types that count positions from behind the padding's own, as RoBERTa does. */
const BEHIND_PADDING = /^(xlm-)?roberta|^camembert$|^mpnet$|^longformer$|^data2vec-text$|^ibert$|^luke$|^xmod$/;

/** Longest text in tokens: what the folder says, and no more than there are positions. */
export function lengthLimit(sentence: Json, tokenizer: Pick<Tokenizer, 'maxLength'>, config: Json): number {
  const table = Number(config.max_position_embeddings) || Number.POSITIVE_INFINITY;
  const taken = BEHIND_PADDING.test(String(config.model_type)) ? Number(config.pad_token_id ?? 1) + 1 : 0;
  const own = Number(sentence.max_seq_length) || tokenizer.maxLength || Number.POSITIVE_INFINITY;
  const limit = Math.min(own, table - taken);
  return Number.isFinite(limit) ? limit : 512;
}
