import { isTextOnly, type Message, responseOf, type Sample } from '../../dataset/sample.ts';

function textOf(message: Message): string {
  return message.parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join(' ');
}

/** What is asked in all turns of a row. */
export function questionOf(sample: Sample): string {
  return sample.messages
    .filter((message) => message.role === 'user')
    .map(textOf)
    .join('\n');
}

/**
 * What makes a row the same as another, beside its media: what is asked; of a row without media also what is answered.
 */
export function identityOf(sample: Sample): string {
  return isTextOnly(sample) ? `${questionOf(sample)}\n${responseOf(sample)}` : questionOf(sample);
}
