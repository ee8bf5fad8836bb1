import { z } from 'zod';

const DEFAULTS = { concurrency: 8, timeout: 120, retries: 6, selfCheck: 20, tolerance: 0.01, maxImageMb: 20 };

function number(standard: number, what: string, within: (schema: z.ZodNumber) => z.ZodNumber) {
  return z.coerce.number().pipe(within(z.number())).optional().describe(`${what}; absent: ${standard}`);
}

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
    .describe('What the server is; absent: as it says itself, else vllm'),
  tokenizer: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Folder or hub id of the served model's tokenizer and chat template (default with SGLang: as the server names its model); saves the requests that ask vLLM where answers are",
    ),
  concurrency: number(DEFAULTS.concurrency, 'Requests to the server at once', (n) => n.int().min(1).max(256)),
  timeout: number(DEFAULTS.timeout, 'Seconds until a request counts as lost', (n) => n.positive()),
  retries: number(
    DEFAULTS.retries,
    'Further tries after 429, 5xx, a broken connection or silence, each after a longer wait',
    (n) => n.int().min(0),
  ),
  selfCheck: number(
    DEFAULTS.selfCheck,
    'Rows that are scored in two orders before anything else, to find a server whose numbers depend on the order; 0: none',
    (n) => n.int().min(0),
  ),
  tolerance: number(
    DEFAULTS.tolerance,
    "Largest difference between the two orders in a row's mean loss, nats/token",
    (n) => n.positive(),
  ),
  maxImageMb: number(
    DEFAULTS.maxImageMb,
    'Largest image file that is sent, in MB; rows with larger ones are left out',
    (n) => n.positive(),
  ),
};

/** Options as they are given: what is left out stays out of what is recorded of a run in process. */
export type ServerOptions = { [K in keyof typeof serverOptions]?: z.infer<(typeof serverOptions)[K]> } & {
  model?: string | undefined;
};

export type ServerSettings = typeof DEFAULTS;

/** The numbers in force. */
export function serverSettings(options: ServerOptions): ServerSettings {
  const given = Object.entries(options).filter(([name, value]) => name in DEFAULTS && value !== undefined);
  return { ...DEFAULTS, ...Object.fromEntries(given) };
}
