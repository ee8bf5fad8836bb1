import type { Message, Part, Sample } from '../../dataset/sample.ts';
import type { Fix, Fixed } from '../checks/check.ts';
import { textSummary } from '../checks/texts.ts';
import { brokenOrder } from '../checks/turns.ts';

/** The turns with neighbours of one role as one turn, if they alternate then (D004). */
export function mergedTurns(sample: Sample): Message[] | null {
  const merged: Message[] = [];
  for (const message of sample.messages) {
    const last = merged.at(-1);
    if (last?.role !== message.role || last.call || message.call) merged.push(message);
    else merged[merged.length - 1] = { ...last, parts: joinParts(last.parts, message.parts) };
  }
  return merged.length < sample.messages.length && brokenOrder(merged) === undefined ? merged : null;
}

export const fixOrder: Fix = (sample) => {
  const messages = mergedTurns(sample);
  if (messages === null) return null;
  return changed(sample, { ...sample, messages });
};

/** System turns go in front of the first user turn's text, below its leading media (D005). */
export const fixSystemTurn: Fix = (sample) => {
  const systems = sample.messages.filter((message) => message.role === 'system');
  const rest = sample.messages.filter((message) => message.role !== 'system');
  const at = rest.findIndex((message) => message.role === 'user');
  if (systems.length === 0 || at < 0) return null;
  const user = rest[at]!;
  const lead = user.parts.findIndex((part) => part.type === 'text');
  const split = lead < 0 ? user.parts.length : lead;
  const systemParts = systems.flatMap((message) => message.parts);
  const parts = joinParts(joinParts(user.parts.slice(0, split), systemParts), user.parts.slice(split));
  const messages = rest.map((message, index) => (index === at ? { ...message, parts } : message));
  return changed(sample, { ...sample, messages });
};

export const drop: Fix = (sample) => ({ drop: true, was: textSummary(sample) });

/** A fixed dialogue with what the log says of it. */
export function changed(before: Sample, after: Sample): Fixed {
  return { sample: after, was: textSummary(before), is: textSummary(after) };
}

/** Parts one after the other; text that meets text is joined with a newline. */
function joinParts(a: readonly Part[], b: readonly Part[]): Part[] {
  const last = a.at(-1);
  const first = b[0];
  if (last?.type !== 'text' || first?.type !== 'text') return [...a, ...b];
  return [...a.slice(0, -1), { type: 'text', text: `${last.text}\n${first.text}` }, ...b.slice(1)];
}
