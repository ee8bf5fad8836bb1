import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import type { Sample } from '../../dataset/sample.ts';
import { responseSpans } from './labels.ts';
import { chatMessages, compileTemplate } from './template.ts';
import { loadTokenizer, type Tokenizer } from './tokenizer.ts';

interface Cases {
  answers: string[];
  templates: { name: string; template: string; verdict: 'answer' | 'refused' | 'changed' }[];
}

/** Templates in the style of many families; the worker's test reads the same file (worker/tests/test_templates.py). */
const CASES = JSON.parse(
  readFileSync(new URL('../../../worker/tests/templates.json', import.meta.url), 'utf8'),
) as Cases;
const squeeze = (text: string): string => text.replace(/\s+/g, '');

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer(fileURLToPath(new URL('../../../models/micro-vlm', import.meta.url)));
});

async function trainedText(source: string, answer: string): Promise<string> {
  const template = await compileTemplate(source, 'case', tokenizer.special);
  const text = (words: string) => [{ type: 'text' as const, text: words }];
  const sample: Sample = {
    id: 's',
    messages: [
      { role: 'user', parts: text('Which?') },
      { role: 'assistant', parts: text(answer) },
    ],
    media: { images: [], videos: [] },
    meta: {},
  };
  const messages = chatMessages(sample, template, '<image>');
  const ids = tokenizer.encode(template.render(messages, false));
  try {
    const spans = responseSpans(messages, ids, template, tokenizer);
    return squeeze(spans.map(({ start, end }) => tokenizer.decode(ids.slice(start, end))).join(''));
  } catch (error) {
    return (error as { code: string }).code;
  }
}

it.each(CASES.templates)('$name: $verdict', async ({ template, verdict }) => {
  const compiled = await compileTemplate(template, 'case', tokenizer.special);
  const user = { role: 'user', content: compiled.typedContent ? [{ type: 'text' as const, text: '?' }] : '?' };
  for (const answer of CASES.answers) {
    const found = await trainedText(template, answer);
    if (verdict === 'refused') expect(found, answer).toBe('TEMPLATE_NO_LABELS');
    else if (verdict === 'answer') expect(found, answer).toBe(squeeze(answer) + squeeze(compiled.ending([user])!));
    else if (answer.toUpperCase() !== answer) expect(found, answer).toBe('TEMPLATE_NO_LABELS');
  }
});
