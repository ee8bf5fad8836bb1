import { WinnowError } from '../../base/errors.ts';
import { type Json, readJsonIn } from '../processing/files.ts';
import { loadTokenizer, type Tokenizer } from '../processing/tokenizer.ts';
import type { Tensor } from '../session.ts';
import type { ModelFolder } from '../source.ts';
import type { TextEncoder } from '../types.ts';
import { chooseOutput, GRAPH, inParallel, openGraph, putUnit } from './sessions.ts';
import { batchByLength, frameIds, textFeeds } from './tokens.ts';

type Pooling = 'mean' | 'cls' | 'max' | 'done';

/**
 * Opens a sentence encoder of BERT's type (MiniLM, BGE, E5, GTE …): last hidden states, pooled as
 * `1_Pooling/config.json` says (mean when it says nothing), at unit length. Longer texts are cut to `max_seq_length` of
 * `sentence_bert_config.json`, else to the tokenizer's or the model's limit.
 * @throws WinnowError `MODEL_INCOMPLETE`, `MODEL_UNSUPPORTED`.
 */
export async function openSentenceEncoder(model: ModelFolder): Promise<TextEncoder> {
  const config = (await readJsonIn(model.folder, 'config.json')) ?? {};
  const sentence = (await readJsonIn(model.folder, 'sentence_bert_config.json')) ?? {};
  const tokenizer = await loadTokenizer(model.folder);
  const limit = lengthLimit(sentence, tokenizer, config);
  const declared = await readPooling(model);
  const graph = await openGraph(model, ['model']);
  const port = chooseOutput(model, graph, ['last_hidden_state', 'token_embeddings', 'sentence_embedding']);
  const pooling = port.name === 'sentence_embedding' ? 'done' : declared;
  const dim = Number(port.shape.at(-1)) || Number(config.hidden_size);
  const padId = tokenizer.idOf(tokenizer.special.pad_token ?? '[PAD]') ?? 0;
  const lower = sentence.do_lower_case === true;
  return {
    name: model.name,
    revision: model.revision,
    dim,
    encode: async (texts, options) => {
      const out = new Float32Array(texts.length * dim);
      const batches = batchByLength(texts, (text) => frameIds(tokenizer, lower ? text.toLowerCase() : text, limit));
      await inParallel(batches, graph.pool.size + 1, async (batch) => {
        options?.signal?.throwIfAborted();
        const feeds = textFeeds(batch, padId, graph.inputs);
        const [states] = await graph.pool.run(
          [{ graph: GRAPH, feeds, outputs: [port.name] }],
          [{ step: 0, output: port.name }],
        );
        batch.rows.forEach((rows, i) => {
          const vector = pool(states!, i, batch.ids[i]!.length, dim, pooling);
          for (const row of rows) putUnit(out, row, vector);
        });
      });
      return out;
    },
    close: () => graph.pool.close(),
  };
}

function lengthLimit(sentence: Json, tokenizer: Tokenizer, config: Json): number {
  const own = Number(sentence.max_seq_length);
  if (own > 0) return own;
  return Math.min(tokenizer.maxLength ?? Number.POSITIVE_INFINITY, Number(config.max_position_embeddings) || 512);
}

/** One vector from the states of text `i`, of which the first `length` positions are real. */
function pool(states: Tensor, i: number, length: number, dim: number, how: Pooling): Float64Array {
  const data = states.data as Float32Array;
  const vector = new Float64Array(dim);
  if (how === 'done') return vector.map((_, c) => data[i * dim + c]!);
  const base = i * states.dims[1]! * dim;
  if (how === 'cls') return vector.map((_, c) => data[base + c]!);
  if (how === 'max') vector.fill(Number.NEGATIVE_INFINITY);
  for (let t = 0; t < length; t++) {
    for (let c = 0; c < dim; c++) {
      const x = data[base + t * dim + c]!;
      if (how === 'max') vector[c] = Math.max(vector[c]!, x);
      else vector[c]! += x / length;
    }
  }
  return vector;
}

/**
 * Pooling of a sentence-transformers folder. A module behind it other than normalisation would change the vectors:
 * refused.
 */
async function readPooling(model: ModelFolder): Promise<Pooling> {
  const modules = (await readJsonIn(model.folder, 'modules.json')) as unknown as
    | { type: string; path: string }[]
    | undefined;
  const strange = modules?.find(({ type }) => !/\.(Transformer|Pooling|Normalize)$/.test(type));
  if (strange !== undefined) throw unsupported(model, `the module ${strange.type}`);
  const path = modules?.find(({ type }) => type.endsWith('.Pooling'))?.path ?? '1_Pooling';
  const config = (await readJsonIn(model.folder, `${path}/config.json`)) ?? {};
  const modes = Object.entries(config).filter(([key, on]) => key.startsWith('pooling_mode_') && on === true);
  const names = modes.map(([key]) => key.replace('pooling_mode_', ''));
  if (typeof config.pooling_mode === 'string') names.push(config.pooling_mode);
  const known: Record<string, Pooling> = {
    mean_tokens: 'mean',
    mean: 'mean',
    cls_token: 'cls',
    cls: 'cls',
    max_tokens: 'max',
    max: 'max',
  };
  if (names.length === 0) return 'mean';
  const only = known[names[0]!];
  if (names.length > 1 || only === undefined) throw unsupported(model, `pooling by ${names.join(' and ')}`);
  return only;
}

function unsupported(model: ModelFolder, what: string): WinnowError {
  return new WinnowError({
    code: 'MODEL_UNSUPPORTED',
    message: `'${model.name}' uses ${what}, which is not supported`,
    hint: 'Use a sentence encoder with mean, CLS or max pooling, such as sentence-transformers/all-MiniLM-L6-v2.',
  });
}
