import fc from 'fast-check';
import { expect, it } from 'vitest';
import { familyOf, fixedTokens, IMAGE_FAMILIES, tokensOfImage } from './families.ts';

it.each([
  ['llava-hf/llava-1.5-7b-hf', 'llava-1.5'],
  ['liuhaotian/llava-v1.5-13b', 'llava-1.5'],
  ['llava-hf/llava-v1.6-mistral-7b-hf', 'llava-next'],
  ['Qwen/Qwen2-VL-7B-Instruct', 'qwen2-vl'],
  ['Qwen/Qwen2.5-VL-3B-Instruct', 'qwen2-vl'],
  ['Qwen/Qwen3-VL-4B-Instruct', 'qwen3-vl'],
  ['HuggingFaceTB/SmolVLM-256M-Instruct', 'smolvlm-500m'],
  ['HuggingFaceTB/SmolVLM2-2.2B-Instruct', 'smolvlm'],
  ['HuggingFaceM4/Idefics3-8B-Llama3', 'idefics3'],
  ['OpenGVLab/InternVL3-8B-hf', 'internvl'],
  ['google/gemma-3-4b-it', 'gemma3'],
  ['allenai/Molmo-7B-D-0924', 'molmo'],
  ['a-model-of-our-own', undefined],
])('knows the family of %s', (model, family) => {
  expect(familyOf(model)).toBe(family);
});

it('counts whole, positive numbers of images of any usual size', () => {
  const side = fc.integer({ min: 1, max: 5000 });
  fc.assert(
    fc.property(fc.constantFrom(...IMAGE_FAMILIES), side, side, (family, width, height) => {
      const tokens = tokensOfImage(family, { width, height });
      const isRefused = family.startsWith('qwen') && Math.max(width, height) > 200 * Math.min(width, height);
      if (isRefused) expect(tokens).toBeNaN();
      else expect(Number.isSafeInteger(tokens) && tokens > 0, `${tokens}`).toBe(true);
      expect([undefined, tokens]).toContain(fixedTokens(family));
    }),
  );
});
