import { allMessages, type Sample } from '../sample.ts';
import { isObject, type JsonObject, TURN_COLUMNS } from './build.ts';

/**
 * OpenAI's turns tie a tool's answer to its call by an id. Samples keep ids only where they say more than the order
 * does: `call_0`, `call_1` ... over the conversation, a tool's turn answering the calls before it one after another.
 */
export function withCallIds(turns: readonly JsonObject[]): JsonObject[] {
  const order = callOrder();
  return turns.map((turn) => {
    if (Array.isArray(turn.tool_calls)) {
      const expected = order.call(turn.tool_calls.length);
      const ids = turn.tool_calls.map((call: JsonObject, index) => (call.id as string | undefined) ?? expected[index]!);
      order.keep(ids);
      return { ...turn, tool_calls: turn.tool_calls.map((call: JsonObject, index) => ({ id: ids[index], ...call })) };
    }
    if (turn.role !== 'tool') return turn;
    const expected = order.answer();
    return expected === undefined || 'tool_call_id' in turn ? turn : { ...turn, tool_call_id: expected };
  });
}

/** Takes away the ids that `withCallIds` would give. */
export function withoutCallIds(sample: Sample): Sample {
  const columns = sample.meta[TURN_COLUMNS];
  if (!Array.isArray(columns)) return sample;
  const order = callOrder();
  const messages = allMessages(sample);
  let open: string[] = [];
  const kept = columns.map((column: unknown, index): JsonObject | null => {
    const own: JsonObject = isObject(column) ? { ...column } : {};
    const message = messages[index]!;
    if (message.call) {
      const [expected] = order.call(1);
      const id = typeof own.tool_call_id === 'string' ? own.tool_call_id : expected!;
      const isFirst = messages[index - 1]?.call !== true || own.separate === true;
      open = isFirst ? [id] : [...open, id];
      order.keep(open);
      if (id === expected) delete own.tool_call_id;
    } else if (message.role === 'tool' && own.tool_call_id === order.answer()) delete own.tool_call_id;
    return Object.keys(own).length === 0 ? null : own;
  });
  const { [TURN_COLUMNS]: _, ...meta } = sample.meta;
  return { ...sample, meta: kept.some((own) => own !== null) ? { ...meta, [TURN_COLUMNS]: kept } : meta };
}

interface CallOrder {
  /** Ids that the calls of the next turn get by the order. */
  call(count: number): string[];
  /** The ids that they do have. */
  keep(ids: readonly string[]): void;
  /** The id of the call that the next tool's turn answers. */
  answer(): string | undefined;
}

function callOrder(): CallOrder {
  let next = 0;
  let open: string[] = [];
  return {
    call(count) {
      const ids = Array.from({ length: count }, (_, index) => `call_${next + index}`);
      next += count;
      return ids;
    },
    keep(ids) {
      open = [...ids];
    },
    answer: () => open.shift(),
  };
}
