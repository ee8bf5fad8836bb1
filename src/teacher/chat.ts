/** A piece of a message as OpenAI's chat interface writes it; images as data URIs. */
export type ChatPart = { type: 'text'; text: string } | { type: 'image_url'; image_url: { url: string } };

/** A message as OpenAI's chat interface writes it. */
export interface ChatMessage {
  role: string;
  content: string | ChatPart[];
}

/**
 * Tokens of a prompt as the server saw them, images expanded, each with its log-probability (nats) given those before
 * it.
 */
export interface ScoredPrompt {
  ids: number[];
  /** null where the server gives none: the first token always, others only if something is wrong. */
  logprobs: (number | null)[];
  /** Text of each token where the server says it. */
  texts: (string | null)[];
  /** Place of each token among all of the vocabulary, 1 the most likely, where the server says it. */
  ranks?: (number | null)[];
}
