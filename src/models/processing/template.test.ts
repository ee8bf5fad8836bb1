import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Sample } from '../../dataset/sample.ts';
import { chatMessages, compileTemplate, loadTemplate } from './template.ts';

const SAMPLE: Sample = {
  id: 's',
  messages: [
    {
      role: 'user',
      parts: [
        { type: 'image', image: 0 },
        { type: 'text', text: 'Colour?' },
      ],
    },
    { role: 'assistant', parts: [{ type: 'text', text: 'Red.' }] },
  ],
  media: { images: [{ path: 'a.png' }], videos: [] },
  meta: {},
};

describe('chat templates', () => {
  it('that print the content get one string, with the image where it is', async () => {
    const source = "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}";
    const template = await compileTemplate(source, 't', {});
    expect(template.typedContent).toBe(false);
    expect(template.render(chatMessages(SAMPLE, template, '<image>'), false)).toBe(
      'user: <image>\nColour?\nassistant: Red.\n',
    );
  });

  it('render the same with and without marks, whatever white space the tags take', async () => {
    for (const [open, close] of [
      ['{% generation %}', '{% endgeneration %}'],
      ['{%- generation -%}', '{%- endgeneration -%}'],
      ['\n  {% generation %}\n', '\n  {% endgeneration %}\n'],
      ['\n  {%- generation %}\n', '\n  {%- endgeneration -%}\n  '],
    ]) {
      const source = `{% for m in messages %}<{{ m.role }}>${open} {{ m.content[-1].text }} ${close}|{% endfor %}`;
      const template = await compileTemplate(source, 't', {});
      const messages = chatMessages(SAMPLE, template, '<image>');
      const marked = template.renderMarked(messages)!;
      expect(marked.text).toBe(template.render(messages, false));
      expect(marked.generated.map(({ start, end }) => marked.text.slice(start, end).trim())).toEqual([
        'Colour?',
        'Red.',
      ]);
    }
  });

  it('that fail say whose they are; a video is refused', async () => {
    const template = await compileTemplate("{{ raise_exception('roles must alternate') }}", 'mine.jinja', {});
    expect(() => template.render([], false)).toThrowError(
      expect.objectContaining({ code: 'TEMPLATE_BROKEN', message: expect.stringContaining('mine.jinja') }),
    );
    await expect(compileTemplate('{% for %}', 'x', {})).rejects.toMatchObject({ code: 'TEMPLATE_BROKEN' });
    const video: Sample = { ...SAMPLE, messages: [{ role: 'user', parts: [{ type: 'video', video: 0 }] }] };
    expect(() => chatMessages(video, template, '<image>')).toThrowError(
      expect.objectContaining({ code: 'VIDEO_UNSUPPORTED', where: { id: 's' } }),
    );
  });
});

describe('loadTemplate', () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'winnow-template-'));
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  it('takes the first of the four places, the one named default among several, and the special tokens', async () => {
    await expect(loadTemplate(root, {})).rejects.toMatchObject({ code: 'TEMPLATE_MISSING' });
    const named = [
      { name: 'tool_use', template: 'tools' },
      { name: 'default', template: 'tokenizer {{ eos_token }}' },
    ];
    await writeFile(join(root, 'tokenizer_config.json'), JSON.stringify({ chat_template: named }));
    expect((await loadTemplate(root, { eos_token: '</s>' })).render([], false)).toBe('tokenizer </s>');
    await writeFile(join(root, 'chat_template.json'), JSON.stringify({ chat_template: 'legacy' }));
    expect((await loadTemplate(root, {})).render([], false)).toBe('legacy');
    await writeFile(join(root, 'chat_template.jinja'), 'jinja');
    expect(await loadTemplate(root, {})).toMatchObject({ name: 'chat_template.jinja' });
  });
});
