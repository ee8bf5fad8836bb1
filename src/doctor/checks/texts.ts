import { renderPlaceholders } from '../../dataset/formats/placeholders.ts';
import type { Message, Part, Role, Sample } from '../../dataset/sample.ts';

/** One text of a sample and who says it. */
export interface Said {
  role: Role;
  text: string;
}

/** All checks ask for the texts of one sample before the next one comes. */
let last: { sample: Sample; said: readonly Said[] } | undefined;

/** Every text of a sample in order; function calls, whose text is a program's, are left out. */
export function textsOf(sample: Sample): readonly Said[] {
  if (last?.sample === sample) return last.said;
  const said: Said[] = [];
  for (const { role, parts, call } of sample.messages) {
    if (call) continue;
    for (const part of parts) if (part.type === 'text') said.push({ role, text: part.text });
  }
  last = { sample, said };
  return said;
}

/** The sample with every text that `change` gives another value; the texts that changed, before and after. */
export function changeTexts(
  sample: Sample,
  change: (text: string, role: Role) => string,
): { sample: Sample; was: string[]; is: string[] } | null {
  const was: string[] = [];
  const is: string[] = [];
  const messages = sample.messages.map((message): Message => {
    if (message.call) return message;
    const parts = message.parts.flatMap((part): Part[] => {
      if (part.type !== 'text') return [part];
      const text = change(part.text, message.role);
      if (text === part.text) return [part];
      was.push(part.text);
      is.push(text);
      return text === '' ? [] : [{ type: 'text', text }];
    });
    return { ...message, parts };
  });
  return was.length === 0 ? null : { sample: { ...sample, messages }, was, is };
}

/** Media parts of one kind in order. */
export function shown(sample: Sample, kind: 'image' | 'video'): number {
  let parts = 0;
  for (const message of sample.messages) for (const part of message.parts) if (part.type === kind) parts++;
  return parts;
}

/** The turns as a log shows them: who says what, media as placeholders. */
export function textSummary(sample: Sample): Record<string, string>[] {
  return sample.messages.map(({ role, parts }) => ({ [role]: renderPlaceholders(parts) }));
}

/** A value for a message, cut to a length that fits a line. */
export function quote(text: string, length = 60): string {
  return JSON.stringify(text.length > length ? `${text.slice(0, length)}...` : text);
}
