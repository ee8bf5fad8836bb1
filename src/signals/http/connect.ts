import { WinnowError } from '../../base/errors.ts';
import { type Endpoint, openEndpoint } from '../../teacher/endpoint.ts';
import { type ServedModel, servedModel } from '../../teacher/models.ts';
import type { SignalContext } from '../signal.ts';
import { type LocalChat, loadLocalChat } from './answers.ts';
import { type ServerOptions, serverSettings } from './options.ts';

/** A server that answers, and the model on it. */
export interface Connection {
  endpoint: Endpoint;
  kind: 'vllm' | 'sglang';
  model: ServedModel;
  /** What stands for the model in a shard's name: kind, name and where it was loaded from, as the server says. */
  revision: string;
  /** It answers right now. */
  isAlive(): Promise<boolean>;
  /** The model's tokenizer and template on this machine, where they were given or are needed. */
  local?: () => Promise<LocalChat>;
}

/** Ask a server for its models. @throws WinnowError `MODEL_UNKNOWN`, `SERVER_INTERFACE`, and those of the endpoint */
export async function connect(options: ServerOptions, context: SignalContext): Promise<Connection> {
  const { timeout, retries, concurrency } = serverSettings(options);
  const endpoint = openEndpoint(options.server!, { timeout, retries, concurrency, signal: context.signal });
  // A person waits for this one: a server that is not there is said at once.
  const quick = openEndpoint(options.server!, { timeout: 20, retries: 1, signal: context.signal });
  const model = await servedModel(quick, options.model);
  const kind = options.serverKind ?? (model.ownedBy === 'sglang' ? 'sglang' : 'vllm');
  const tokenizer = options.tokenizer ?? (kind === 'sglang' ? (model.root ?? model.id) : undefined);
  return {
    endpoint,
    kind,
    model,
    isAlive: () =>
      servedModel(quick, model.id).then(
        () => true,
        () => false,
      ),
    revision: `${kind}:${model.id}${model.root === undefined ? '' : `@${model.root}`}`,
    local: tokenizer === undefined ? undefined : () => openLocal(tokenizer, options.tokenizer === undefined, context),
  };
}

/** @param guessed the server's own name for the model was taken, because none was given */
async function openLocal(tokenizer: string, guessed: boolean, context: SignalContext): Promise<LocalChat> {
  const { resolveTokenizer } = await import('../../models/source.ts');
  try {
    return await loadLocalChat(await resolveTokenizer(tokenizer, context));
  } catch (error) {
    if (!guessed || !(error instanceof WinnowError)) throw error;
    throw new WinnowError({
      code: 'TOKENIZER_MISSING',
      message: `SGLang applies no chat template to what it scores, so conversations are written here, and the tokenizer of "${tokenizer}" can't be loaded: ${error.message}.`,
      hint: "Give --tokenizer with the folder or hub id of the served model's tokenizer.json, tokenizer_config.json and chat template.",
      exitCode: 2,
      cause: error,
    });
  }
}
