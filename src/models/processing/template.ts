import { WinnowError } from '../../base/errors.ts';
import type { Sample } from '../../dataset/sample.ts';
import { type Json, readJsonIn, readTextIn } from './files.ts';

/** A message as a chat template sees it. */
export interface ChatMessage {
  role: string;
  content: string | ({ type: 'text'; text: string } | { type: 'image' })[];
}

/** A rendered conversation, and where `{% generation %}` blocks lie in it (character offsets). */
export interface Rendered {
  text: string;
  generated: { start: number; end: number }[];
}

export interface ChatTemplate {
  /** Where the template comes from, for messages. */
  readonly name: string;
  render(messages: readonly ChatMessage[], generationPrompt: boolean): string;
  /** Rendered with the template's own marks of what the model says; undefined when it has none. */
  renderMarked(messages: readonly ChatMessage[]): Rendered | undefined;
  /**
   * What the template writes behind an answer that follows these turns and ends the conversation; undefined where it
   * doesn't write the answer, or refuses. Asked once for each order of roles.
   */
  ending(before: readonly ChatMessage[]): string | undefined;
  /** False for templates that write `message['content']` as it is: they need one string. */
  readonly typedContent: boolean;
}

const OPEN = '\uE000';
const CLOSE = '\uE001';
/** An answer that no template changes. */
const PROBE = 'winnowprobe';

/**
 * Reads the chat template of a folder: `chat_template.jinja`, else `chat_template.json`, else `processor_config.json`,
 * else `tokenizer_config.json`.
 * @param variables special tokens, visible in the template by their names.
 * @throws WinnowError `TEMPLATE_MISSING`, `TEMPLATE_BROKEN`.
 */
export async function loadTemplate(folder: string, variables: Readonly<Record<string, string>>): Promise<ChatTemplate> {
  const found = await findTemplate(folder);
  if (found === undefined) {
    throw new WinnowError({
      code: 'TEMPLATE_MISSING',
      message: 'The model has no chat template, so a conversation cannot be written for it.',
      where: { file: folder },
      hint: 'Put its chat_template.jinja into the folder.',
    });
  }
  return compileTemplate(found.source, found.name, variables);
}

/** Compiles a template. @throws WinnowError `TEMPLATE_BROKEN`. */
export async function compileTemplate(
  source: string,
  name: string,
  variables: Readonly<Record<string, string>>,
): Promise<ChatTemplate> {
  const { Template } = await import('@huggingface/jinja');
  const fault = (error: unknown): WinnowError =>
    new WinnowError({
      code: 'TEMPLATE_BROKEN',
      message: `The chat template ${name} failed: ${(error as Error).message}`,
      hint: 'The template may not take this order of roles; check it with transformers.',
      cause: error,
    });
  const parse = (text: string): InstanceType<typeof Template> => {
    try {
      return new Template(text);
    } catch (error) {
      throw fault(error);
    }
  };
  const plain = parse(source);
  const marked = /\{%-?\s*generation\s*-?%\}/.test(source) ? parse(markGeneration(source)) : undefined;
  const run = (template: InstanceType<typeof Template>, messages: readonly ChatMessage[], prompt: boolean): string => {
    try {
      return template.render({ ...variables, messages, add_generation_prompt: prompt, tools: null, documents: null });
    } catch (error) {
      throw fault(error);
    }
  };
  const typedContent = takesTypedContent((messages) => run(plain, messages, false));
  const endings = new Map<string, string | undefined>();
  const ending = (before: readonly ChatMessage[]): string | undefined => {
    const answer: ChatMessage = { role: 'assistant', content: typedContent ? [{ type: 'text', text: PROBE }] : PROBE };
    try {
      const text = run(plain, [...before, answer], false);
      const at = text.lastIndexOf(PROBE);
      return at < 0 ? undefined : text.slice(at + PROBE.length);
    } catch {
      return undefined;
    }
  };
  return {
    name,
    ending: (before) => {
      const key = before.map(({ role }) => role).join();
      if (!endings.has(key)) endings.set(key, ending(before));
      return endings.get(key);
    },
    render: (messages, prompt) => run(plain, messages, prompt),
    renderMarked: (messages) => (marked === undefined ? undefined : splitMarks(run(marked, messages, false))),
    typedContent,
  };
}

/** Asks the template itself: a list that is printed instead of walked through shows its field names. */
function takesTypedContent(render: (messages: ChatMessage[]) => string): boolean {
  try {
    const text = render([{ role: 'user', content: [{ type: 'text', text: PROBE }] }]);
    return text.toLowerCase().includes(PROBE) && !/["']type["']/.test(text);
  } catch {
    return false;
  }
}

async function findTemplate(folder: string): Promise<{ source: string; name: string } | undefined> {
  const jinja = await readTextIn(folder, 'chat_template.jinja');
  if (jinja !== undefined) return { source: jinja, name: 'chat_template.jinja' };
  for (const name of ['chat_template.json', 'processor_config.json', 'tokenizer_config.json']) {
    const source = defaultTemplate((await readJsonIn(folder, name))?.chat_template);
    if (source !== undefined) return { source, name: `chat_template of ${name}` };
  }
  return undefined;
}

/** A template, or the one named `default` among several. */
function defaultTemplate(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) {
    return (value as Json[]).find((entry) => entry.name === 'default')?.template as string | undefined;
  }
  if (typeof value === 'object' && value !== null) return (value as Json).default as string | undefined;
  return undefined;
}

/**
 * Puts a mark in the place of each generation tag. The white space that the tag itself would take with it (its dashes,
 * Jinja's trim_blocks and lstrip_blocks) is taken here, because an expression takes none.
 */
function markGeneration(source: string): string {
  return source.replace(
    /(\s*)\{%(-?)\s*(end)?generation\s*(-?)%\}(\s*)/g,
    (_, before: string, left: string, end: string | undefined, right: string, after: string) => {
      const kept = left === '' ? before.replace(/\n[ \t]*$/, '\n') : '';
      const rest = right === '' ? after.replace(/^\n/, '') : '';
      return `${kept}{{ '${end === undefined ? OPEN : CLOSE}' }}${rest}`;
    },
  );
}

function splitMarks(marked: string): Rendered {
  let text = '';
  let start = 0;
  const generated: Rendered['generated'] = [];
  for (const piece of marked.split(/([\uE000\uE001])/)) {
    if (piece === OPEN) start = text.length;
    else if (piece === CLOSE) generated.push({ start, end: text.length });
    else text += piece;
  }
  return { text, generated };
}

/**
 * Messages of a sample as the template wants them. Where the template takes strings only, images stand where they are,
 * as the image token and a line break.
 * @throws WinnowError `VIDEO_UNSUPPORTED`.
 */
export function chatMessages(sample: Sample, template: ChatTemplate, imageToken: string): ChatMessage[] {
  return sample.messages.map(({ role, parts }) => {
    const typed = parts.map((part) => {
      if (part.type === 'text') return { type: 'text' as const, text: part.text };
      if (part.type === 'image') return { type: 'image' as const };
      throw new WinnowError({
        code: 'VIDEO_UNSUPPORTED',
        message: 'The sample has a video, and the models that run in process take images only.',
        where: { id: sample.id },
        hint: 'Drop the row or extract frames.',
      });
    });
    if (template.typedContent) return { role, content: typed };
    const content = typed.map((part) => (part.type === 'text' ? part.text : `${imageToken}\n`)).join('');
    return { role, content };
  });
}
