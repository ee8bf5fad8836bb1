import { WinnowError } from '../../dataset/errors.ts';
import { type Endpoint, openEndpoint } from '../../teacher/endpoint.ts';
import { type ServedModel, servedModel } from '../../teacher/models.ts';
import type { SignalContext } from '../signal.ts';
import type { ServerOptions } from './options.ts';

/** A server that answers, and the model on it. */
export interface Connection {
  endpoint: Endpoint;
  kind: 'vllm' | 'sglang';
  model: ServedModel;
  /** What stands for the model in a shard's name: kind, name and where it was loaded from, as the server says. */
  revision: string;
}

/** Ask a server for its models. @throws WinnowError `MODEL_UNKNOWN`, `SERVER_INTERFACE`, `TOKENIZER_MISSING`, and those of the endpoint */
export async function connect(options: ServerOptions, context: SignalContext): Promise<Connection> {
  const { timeout, retries, concurrency } = options;
  const endpoint = openEndpoint(options.server!, { timeout, retries, concurrency, signal: context.signal });
  // A person waits for this one: a server that is not there is said at once.
  const model = await servedModel(
    openEndpoint(options.server!, { timeout: 20, retries: 1, signal: context.signal }),
    options.model,
  );
  const kind = options.serverKind ?? (model.ownedBy === 'sglang' ? 'sglang' : 'vllm');
  if (kind === 'sglang' && options.tokenizer === undefined) {
    throw new WinnowError({
      code: 'TOKENIZER_MISSING',
      message: 'SGLang applies no chat template to what it scores, so that conversations are written here.',
      hint: "Give --tokenizer with the folder of the served model's tokenizer.json, tokenizer_config.json and chat template.",
      exitCode: 2,
    });
  }
  return { endpoint, kind, model, revision: `${kind}:${model.id}${model.root === undefined ? '' : `@${model.root}`}` };
}
