import { cpSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { openGraph } from './encoders/sessions.ts';
import { resolveModel } from './source.ts';
import { loadVlm } from './vlm/load.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function copyOf(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'graph-'));
  folders.push(folder);
  cpSync(new URL(`../../models/${name}`, import.meta.url), folder, { recursive: true });
  return folder;
}

it.each([
  [
    'no file of weights',
    (f: string) => rmSync(join(f, 'onnx/weights.bin')),
    'MODEL_INCOMPLETE',
    /weights\.bin is missing.* reads w/,
  ],
  [
    'a file that is cut',
    (f: string) => truncateSync(join(f, 'onnx/weights.bin'), 1e6),
    'MODEL_INCOMPLETE',
    /ends at byte 1000000.* reads w\d+, .* more/,
  ],
  [
    'a graph that is cut',
    (f: string) => truncateSync(join(f, 'onnx/decoder_loss.onnx'), 5000),
    'MODEL_BROKEN',
    /decoder_loss/,
  ],
  [
    'an empty graph',
    (f: string) => writeFileSync(join(f, 'onnx/vision_encoder.onnx'), ''),
    'MODEL_BROKEN',
    /vision_encoder/,
  ],
  [
    'something else',
    (f: string) => writeFileSync(join(f, 'onnx/vision_encoder.onnx'), '<html>no</html>'),
    'MODEL_BROKEN',
    /vision_encoder/,
  ],
  [
    'a graph of nothing',
    (f: string) => writeFileSync(join(f, 'onnx/vision_encoder.onnx'), Buffer.from([0x3a, 0])),
    'MODEL_UNREADABLE',
    /vision_encoder/,
  ],
] as const)('refuses a model with %s', async (_, harm, code, message) => {
  const folder = copyOf('micro-vlm');
  harm(folder);
  await expect(loadVlm(folder)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
});

it('refuses an encoder whose weights are missing', async () => {
  const folder = copyOf('micro-clip');
  rmSync(join(folder, 'onnx/weights.bin'));
  await expect(openGraph(await resolveModel(folder), ['text_model'])).rejects.toMatchObject({
    code: 'MODEL_INCOMPLETE',
  });
});
