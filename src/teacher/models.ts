import { z } from 'zod';
import { WinnowError } from '../base/errors.ts';
import { type Endpoint, serverFault, serverMessage } from './endpoint.ts';

const ModelList = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      root: z.string().nullish(),
      owned_by: z.string().nullish(),
      max_model_len: z.number().nullish(),
    }),
  ),
});

/** A model as `/v1/models` lists it. */
export interface ServedModel {
  /** Name that requests use. */
  id: string;
  /** Folder or hub id it was loaded from, where the server says so. */
  root?: string;
  /** `vllm`, `sglang` ... */
  ownedBy?: string;
  /** Longest prompt in tokens. */
  maxLength?: number;
}

/** What SGLang says of the one model that it serves. */
const ModelInfo = z.object({ model_path: z.string() });

/** Models that a server offers. @throws WinnowError `SERVER_INTERFACE` when it has no such list */
async function listModels(endpoint: Endpoint): Promise<ServedModel[]> {
  const answer = await endpoint.get('/v1/models');
  const parsed = ModelList.safeParse(answer.body);
  if (answer.status === 404) {
    const info = ModelInfo.safeParse((await endpoint.get('/get_model_info')).body);
    if (info.success) return [{ id: info.data.model_path, root: info.data.model_path, ownedBy: 'sglang' }];
  }
  if (answer.status !== 200 || !parsed.success) {
    throw serverFault(
      'SERVER_INTERFACE',
      `${endpoint.url} does not list its models at /v1/models: ${answer.status === 200 ? 'the answer has another shape' : serverMessage(answer)}.`,
      'Give the address of a vLLM or SGLang server, without a path.',
    );
  }
  return parsed.data.data.map(({ id, root, owned_by, max_model_len }) => ({
    id,
    root: root || undefined,
    ownedBy: owned_by || undefined,
    maxLength: max_model_len || undefined,
  }));
}

/** The model of that name, or the only one. @throws WinnowError `MODEL_UNKNOWN`, `SERVER_INTERFACE` */
export async function servedModel(endpoint: Endpoint, name: string | undefined): Promise<ServedModel> {
  const models = await listModels(endpoint);
  const found =
    name === undefined ? (models.length === 1 ? models[0] : undefined) : models.find(({ id }) => id === name);
  if (found !== undefined) return found;
  throw new WinnowError({
    code: 'MODEL_UNKNOWN',
    message:
      name === undefined
        ? `${endpoint.url} serves ${models.length} models, so one must be named.`
        : `${endpoint.url} serves no model "${name}".`,
    hint: `Give --model with one of: ${models.map(({ id }) => id).join(', ') || '(it lists none)'}.`,
    exitCode: 2,
  });
}
