import { z } from 'zod';

/** Options of a signal that a server of log-probabilities can compute; those but `server` change no numbers. */
export const serverOptions = {
  server: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Address of a vLLM or SGLang server that computes the losses, e.g. http://localhost:8000; its key is read from WINNOW_API_KEY',
    ),
  serverKind: z
    .enum(['vllm', 'sglang'])
    .optional()
    .describe('What the server is (default: as it says itself, else vllm)'),
  tokenizer: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Folder or hub id of the served model's tokenizer and chat template (default with SGLang: as the server names its model); saves the requests that ask vLLM where answers are",
    ),
  concurrency: z.coerce.number().int().min(1).max(256).default(8).describe('Requests to the server at once'),
  timeout: z.coerce.number().positive().default(120).describe('Seconds until a request counts as lost'),
  retries: z.coerce
    .number()
    .int()
    .min(0)
    .default(6)
    .describe('Further tries after 429, 5xx, a broken connection or silence, each after a longer wait'),
  selfCheck: z.coerce
    .number()
    .int()
    .min(0)
    .default(20)
    .describe(
      'Rows that are scored twice in two orders before anything else, to find a server whose numbers depend on the order; 0: none',
    ),
  tolerance: z.coerce
    .number()
    .positive()
    .default(0.01)
    .describe("Largest difference between the two orders of a row's mean loss, nats/token"),
  maxImageMb: z.coerce
    .number()
    .positive()
    .default(20)
    .describe('Largest image file that is sent, in MB; rows with larger ones are left out'),
};

export interface ServerOptions {
  server?: string | undefined;
  serverKind?: 'vllm' | 'sglang' | undefined;
  tokenizer?: string | undefined;
  model?: string | undefined;
  concurrency: number;
  timeout: number;
  retries: number;
  selfCheck: number;
  tolerance: number;
  maxImageMb: number;
}
