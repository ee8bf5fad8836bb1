import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Sample } from '../../dataset/sample.ts';
import { referenceFixtures, workerPython } from '../testing/fixtures.ts';
import type { RgbImage } from '../types.ts';
import { decodeImage } from './decode.ts';
import { loadVlmProcessor, type VlmProcessor } from './processor.ts';

interface Expected {
  images: string[];
  conversations: { role: string; content: { type: string; text?: string; image?: number }[] }[][];
  cases: Record<string, { dims: number[][]; conversations: { ids: number[]; mask?: number[]; images?: number[] }[] }>;
}

const python = workerPython();

/** The fixture's messages as a sample whose media are all pictures of the fixture. */
function toSample(id: string, messages: Expected['conversations'][number], images: string[]): Sample {
  return {
    id,
    messages: messages.map(({ role, content }) => ({
      role: role as 'user',
      parts: content.map((part) =>
        part.type === 'text'
          ? { type: 'text' as const, text: part.text! }
          : { type: 'image' as const, image: part.image! },
      ),
    })),
    media: { images: images.map((path) => ({ path })), videos: [] },
    meta: {},
  };
}

describe.skipIf(python === undefined)('processors against transformers', () => {
  let folder: string;
  let reference: Expected;
  let pictures: RgbImage[];

  beforeAll(async () => {
    folder = await referenceFixtures(python!, 'processing.py');
    reference = JSON.parse(await readFile(join(folder, 'expected.json'), 'utf8')) as Expected;
    pictures = await Promise.all(reference.images.map((name) => decodeImage(join(folder, 'images', name))));
  }, 600_000);

  const families = ['llava', 'micro', 'chatml', 'marks', 'idefics3', 'idefics3-whole'];

  it.each([...families, 'no-rule'])('%s: pixel values are equal, bit for bit', async (name) => {
    const processor = await loadVlmProcessor(join(folder, name));
    for (const [i, picture] of pictures.entries()) {
      const got = processor.processImage(picture);
      const bytes = await readFile(join(folder, name, `pixels-${i}.bin`));
      expect(got.dims).toEqual(reference.cases[name]!.dims[i]);
      expect(Buffer.compare(Buffer.from(got.pixelValues.buffer), bytes)).toBe(0);
    }
  });

  it.each(families)('%s: token ids and response masks are equal', async (name) => {
    const processor = await loadVlmProcessor(join(folder, name));
    const images = pictures.map((picture) => processor.processImage(picture));
    for (const [i, messages] of reference.conversations.entries()) {
      const { ids, mask } = reference.cases[name]!.conversations[i]!;
      const got = processor.prepareConversation(toSample(`c${i}`, messages, reference.images), images);
      expect([...got.ids], `ids of conversation ${i}`).toEqual(ids);
      expect([...got.response], `mask of conversation ${i}`).toEqual(mask);
      checkSpans(processor, got, messages);
    }
  });

  it('refuses a template that shows nowhere where an answer begins, by its name', async () => {
    const processor = await loadVlmProcessor(join(folder, 'no-rule'));
    const images = pictures.map((picture) => processor.processImage(picture));
    const sample = toSample('x', reference.conversations[0]!, reference.images);
    expect(() => processor.prepareConversation(sample, images)).toThrowError(
      expect.objectContaining({ code: 'TEMPLATE_NO_LABELS', message: expect.stringContaining('chat_template.jinja') }),
    );
  });

  it('refuses an image token in the text, an image that is missing, and a sample without an answer', async () => {
    const processor = await loadVlmProcessor(join(folder, 'llava'));
    const images = pictures.map((picture) => processor.processImage(picture));
    const ask = (text: string, answer: string[]): Sample =>
      toSample(
        'bad',
        [
          {
            role: 'user',
            content: [
              { type: 'image', image: 0 },
              { type: 'text', text },
            ],
          },
          ...answer.map((a) => ({ role: 'assistant', content: [{ type: 'text', text: a }] })),
        ],
        reference.images,
      );
    const code = (run: () => unknown): string => {
      try {
        run();
      } catch (error) {
        return (error as { code: string }).code;
      }
      return 'none';
    };
    expect(code(() => processor.prepareConversation(ask('a literal <image> here', ['no']), images))).toBe(
      'IMAGE_TOKEN_COUNT',
    );
    expect(code(() => processor.prepareConversation(ask('well?', ['yes']), []))).toBe('IMAGE_MISSING');
    expect(code(() => processor.prepareConversation(ask('well?', []), images))).toBe('NO_RESPONSE');
  });

  it('gives the text of every token, and the texts joined are the response', async () => {
    for (const name of ['llava', 'micro']) {
      const processor = await loadVlmProcessor(join(folder, name));
      const images = pictures.map((picture) => processor.processImage(picture));
      const got = processor.prepareConversation(toSample('t', reference.conversations[1]!, reference.images), images);
      const ids = [...got.ids].filter((_, i) => got.response[i] === 1);
      const texts = processor.tokenTexts(ids);
      expect(texts).toHaveLength(ids.length);
      expect(texts.join('').replace('</s>', '').trim()).toBe('Fine; 1,234.5 × 2 — “ok” 🙂');
    }
  });
});

function checkSpans(
  processor: VlmProcessor,
  got: ReturnType<VlmProcessor['prepareConversation']>,
  messages: Expected['conversations'][number],
): void {
  const order = messages.flatMap(({ content }) =>
    content.flatMap((part) => (part.type === 'image' ? [part.image!] : [])),
  );
  expect(got.imageBlocks.map((block) => block.image)).toEqual(order);
  const inSpans = new Uint8Array(got.ids.length);
  for (const { start, end } of got.imageSpans) inSpans.fill(1, start, end);
  const byId = Uint8Array.from(got.ids, (id) => Number(id === processor.imageTokenId));
  expect(got.imageTokenMask).toEqual(inSpans);
  expect(got.imageTokenMask).toEqual(byId);
  for (const span of got.imageSpans) {
    expect(got.imageBlocks.some((b) => b.image === span.image && b.start <= span.start && span.end <= b.end)).toBe(
      true,
    );
  }
}

it.each([
  ['gemma3', 'Gemma 3'],
  ['mamba', 'A model of type "mamba"'],
])('a model of type %s is refused in process with the worker as the way out', async (type, who) => {
  const folder = await mkdtemp(join(tmpdir(), 'family-'));
  await writeFile(join(folder, 'config.json'), JSON.stringify({ model_type: type }));
  const refusal = {
    code: 'FAMILY_UNSUPPORTED',
    message: expect.stringContaining(who),
    hint: expect.stringContaining('--by worker'),
  };
  await expect(loadVlmProcessor(folder)).rejects.toMatchObject(refusal);
});
