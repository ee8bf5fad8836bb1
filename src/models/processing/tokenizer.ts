import { type Json, missingFile, readJsonIn } from './files.ts';

/** A tokenizer of a model's folder: text to ids exactly as the `tokenizers` library does, which `transformers` uses. */
export interface Tokenizer {
  /** Ids of a text without the special tokens that frame a whole input. */
  encode(text: string): number[];
  /** Ids that are put before a whole input (e.g. BOS), and behind it (e.g. EOS, SEP). */
  readonly lead: readonly number[];
  readonly tail: readonly number[];
  /** Id of a token by its content; undefined when the vocabulary has none. */
  idOf(token: string): number | undefined;
  /** Named special tokens (`bos_token`, `image_token` …) with their content: variables of a chat template. */
  readonly special: Readonly<Record<string, string>>;
  /** Largest input that the configuration states; undefined when it states none. */
  readonly maxLength: number | undefined;
  decode(ids: readonly number[]): string;
}

/** Larger values of `model_max_length` mean "no limit" in `transformers`. */
const NO_LIMIT = 1e9;

/** Reads `tokenizer.json` and `tokenizer_config.json`. @throws WinnowError `MODEL_INCOMPLETE`. */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const definition = await readJsonIn(folder, 'tokenizer.json');
  if (definition === undefined) throw missingFile(folder, 'tokenizer.json', 'the tokenizer in its fast format');
  const config = (await readJsonIn(folder, 'tokenizer_config.json')) ?? {};
  const legacy = (await readJsonIn(folder, 'special_tokens_map.json')) ?? {};
  const { Tokenizer: Implementation } = await import('@huggingface/tokenizers');
  const tokenizer = new Implementation(definition, { ...config, remove_space: undefined });
  const lowers = /"Lowercase"|"lowercase":true/.test(JSON.stringify(definition.normalizer ?? null));
  // The library lowers letter by letter; JavaScript turns a capital sigma at the end of a word into another letter.
  const plain = (text: string): string => (lowers ? text.replaceAll('Σ', 'σ') : text);
  const encode = (text: string): number[] =>
    text === '' ? [] : tokenizer.encode(plain(text), { add_special_tokens: false }).ids;
  const { lead, tail } = frame(encode('a'), tokenizer.encode('a', { add_special_tokens: true }).ids);
  const limit = Number(config.model_max_length);
  return {
    encode,
    lead,
    tail,
    idOf: (token) => tokenizer.token_to_id(token),
    special: specialTokens({ ...legacy, ...config }),
    maxLength: limit > 0 && limit < NO_LIMIT ? limit : undefined,
    decode: (ids) =>
      ids.length === 0
        ? ''
        : tokenizer.decode([...ids], { skip_special_tokens: false, clean_up_tokenization_spaces: false }),
  };
}

function frame(plain: readonly number[], framed: readonly number[]): { lead: number[]; tail: number[] } {
  for (let start = 0; start + plain.length <= framed.length; start++) {
    if (plain.every((id, i) => framed[start + i] === id)) {
      return { lead: framed.slice(0, start), tail: framed.slice(start + plain.length) };
    }
  }
  return { lead: [], tail: [] };
}

/** Every `*_token` entry, be it a string or an added token's object, and those under `extra_special_tokens`. */
function specialTokens(config: Json): Record<string, string> {
  const found: Record<string, string> = {};
  const extra = config.extra_special_tokens;
  const named = typeof extra === 'object' && extra !== null && !Array.isArray(extra) ? (extra as Json) : {};
  for (const [key, value] of Object.entries({ ...config, ...named })) {
    if (!key.endsWith('_token')) continue;
    if (typeof value === 'string') found[key] = value;
    else if (typeof value === 'object' && value !== null && typeof (value as Json).content === 'string') {
      found[key] = (value as Json).content as string;
    }
  }
  return found;
}

/** How many tokens before one are decoded with it, so that its spaces and bytes come out as in the whole. */
const CONTEXT = 6;

/**
 * Text of each token of a run, for people: the pieces joined give the decoded run. A character spread over several
 * tokens stands at the last of them.
 */
export function tokenTexts(tokenizer: Tokenizer, ids: readonly number[]): string[] {
  return ids.map((_, i) => {
    const start = Math.max(0, i - CONTEXT);
    const before = i === 0 ? '' : tokenizer.decode(ids.slice(start, i)).replace(/\uFFFD+$/, '');
    const after = tokenizer.decode(ids.slice(start, i + 1)).replace(/\uFFFD+$/, '');
    return after.startsWith(before) ? after.slice(before.length) : tokenizer.decode([ids[i]!]);
  });
}
