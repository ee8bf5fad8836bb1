import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { familyOf, fixedTokens, IMAGE_FAMILIES, tokensOfImage } from './families.ts';

it.each([
  ['llava-hf/llava-1.5-7b-hf', 'llava-1.5'],
  ['liuhaotian/llava-v1.5-13b', 'llava-1.5'],
  ['llava-hf/llava-v1.6-mistral-7b-hf', 'llava-next'],
  ['Qwen/Qwen2-VL-7B-Instruct', 'qwen2-vl'],
  ['Qwen/Qwen2.5-VL-3B-Instruct', 'qwen2.5-vl'],
  ['Qwen/Qwen3-VL-4B-Instruct', 'qwen3-vl'],
  ['HuggingFaceTB/SmolVLM-256M-Instruct', 'smolvlm-500m'],
  ['HuggingFaceTB/SmolVLM2-2.2B-Instruct', 'smolvlm'],
  ['HuggingFaceM4/Idefics3-8B-Llama3', 'idefics3'],
  ['OpenGVLab/InternVL3-8B-hf', 'internvl'],
  ['google/gemma-3-4b-it', 'gemma3'],
  ['google/paligemma-3b-mix-448', 'paligemma-448'],
  ['google/paligemma-3b-pt-224', 'paligemma'],
  ['mistral-community/pixtral-12b', 'pixtral'],
  ['mistralai/Mistral-Small-3.1-24B-Instruct-2503', 'mistral3'],
  ['THUDM/GLM-4.1V-9B-Thinking', 'glm4v'],
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
      const isRefused = /qwen|glm/.test(family) && Math.max(width, height) > 200 * Math.min(width, height);
      if (isRefused) expect(tokens).toBeNaN();
      else expect(Number.isSafeInteger(tokens) && tokens > 0, `${tokens}`).toBe(true);
      expect([undefined, tokens]).toContain(fixedTokens(family));
    }),
  );
});

it('counts what docs/composition.md says', async () => {
  const text = await readFile(new URL('../../../docs/composition.md', import.meta.url), 'utf8');
  const [table] = text.split('| `--image-tokens` |')[1]!.split('\n\n');
  const documented = new Map<string, number[]>();
  for (const row of table!.split('\n').filter((line) => line.startsWith('| `'))) {
    const [, names, , small, large] = row.split('|').map((cell) => cell.trim().split(', '));
    for (const [i, name] of names!.entries()) {
      const of = (cell: string[]): number => Number(cell[i] ?? cell[0]);
      documented.set(name.replaceAll('`', ''), [of(small!), of(large!)]);
    }
  }
  const sizes = [
    { width: 640, height: 480 },
    { width: 1920, height: 1080 },
  ];
  const counted = IMAGE_FAMILIES.map((name) => [name, sizes.map((size) => tokensOfImage(name, size))] as const);
  expect(documented).toEqual(new Map(counted));
});
