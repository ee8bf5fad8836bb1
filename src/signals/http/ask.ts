import type { Message } from '../../dataset/sample.ts';
import type { ChatMessage, ChatPart } from '../../teacher/chat.ts';

/**
 * A conversation, or a beginning of one, whose answers `turns` can be found from its end: no image comes after the
 * first of them.
 */
export interface Ask {
  messages: readonly Message[];
  /** Indices of the assistant messages whose losses are read from this request. */
  turns: number[];
}

/**
 * What to ask for all answers of a conversation. Images lengthen a prompt by an unknown number of tokens, so answers
 * are found from the end: those before a later image are asked for in a request of their own, which ends with the last
 * of them.
 */
export function asksOf(messages: readonly Message[]): Ask[] {
  const asks: Ask[] = [];
  let open: Ask | undefined;
  messages.forEach((message, k) => {
    if (message.role === 'assistant') {
      if (open === undefined) {
        open = { messages: [], turns: [] };
        asks.push(open);
      }
      open.turns.push(k);
    } else if (message.parts.some((part) => part.type === 'image')) open = undefined;
  });
  return asks.map(({ turns }, i) => ({
    turns,
    messages: i === asks.length - 1 && open !== undefined ? messages : messages.slice(0, turns.at(-1)! + 1),
  }));
}

/** Images that a conversation shows, as indices of the sample's, one for each place. */
export function shownImages({ messages }: Ask): number[] {
  return messages.flatMap(({ parts }) => parts.flatMap((part) => (part.type === 'image' ? [part.image] : [])));
}

/** The conversation with the images left out. */
export function withoutImages({ messages, turns }: Ask): Ask {
  return {
    turns,
    messages: messages.map((message) => ({ ...message, parts: message.parts.filter((part) => part.type !== 'image') })),
  };
}

/** Messages for a chat server. `images`: data URI of each image by its index. */
export function chatMessages(messages: readonly Message[], images: ReadonlyMap<number, string>): ChatMessage[] {
  return messages.map(({ role, parts }) => {
    const content = parts.flatMap((part): ChatPart[] => {
      if (part.type === 'text') return [{ type: 'text', text: part.text }];
      const url = part.type === 'image' ? images.get(part.image) : undefined;
      return url === undefined ? [] : [{ type: 'image_url', image_url: { url } }];
    });
    const [only] = content;
    if (only === undefined) return { role, content: '' };
    return { role, content: content.length === 1 && only.type === 'text' ? only.text : content };
  });
}
