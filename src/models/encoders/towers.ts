import pMap from 'p-map';
import { missingFile, readJsonIn } from '../processing/files.ts';
import { preprocessImage } from '../processing/image.ts';
import { loadImageConfig } from '../processing/processor.ts';
import { loadTokenizer } from '../processing/tokenizer.ts';
import { float32 } from '../session.ts';
import type { ModelFolder } from '../source.ts';
import type { ImageEncoder, TextEncoder } from '../types.ts';
import { chooseOutput, GRAPH, openGraph, putUnit } from './sessions.ts';
import { batchByLength, countCut, frameIds, textFeeds } from './tokens.ts';

/** Images a run: enough to fill the cores, few enough for memory. */
const IMAGES = 8;

/**
 * Outputs of other exporters' graphs that hold an image's embedding; of states of all positions the first counts, the
 * class.
 */
const IMAGE_OUTPUTS = ['image_embeds', 'pooler_output', 'last_hidden_state'];

/** Models without a trained pooler: their class position is the embedding. */
const CLASS_POSITION = /^(vit|dinov2|dinov2_with_registers|dinov3_vit)$/;

/**
 * Opens the image tower of CLIP or SigLIP, or DINO. @throws WinnowError `MODEL_INCOMPLETE`, `MODEL_UNSUPPORTED`,
 * `PROCESSOR_UNSUPPORTED`.
 */
export async function openImageTower(model: ModelFolder): Promise<ImageEncoder> {
  const config = await loadImageConfig(model.folder);
  const graph = await openGraph(model, ['vision_model', 'model']);
  const type = String((await readJsonIn(model.folder, 'config.json'))?.model_type);
  const names = CLASS_POSITION.test(type) ? [...IMAGE_OUTPUTS].reverse() : IMAGE_OUTPUTS;
  const port = chooseOutput(model, graph, names);
  const dim = Number(port.shape.at(-1)) || (await towerWidth(model));
  return {
    name: model.name,
    revision: model.revision,
    dim,
    encode: async (images, options) => {
      const out = new Float32Array(images.length * dim);
      const starts = Array.from({ length: Math.ceil(images.length / IMAGES) }, (_, i) => i * IMAGES);
      await pMap(
        starts,
        async (start) => {
          const pixels = images.slice(start, start + IMAGES).map((image) => preprocessImage(image, config));
          const { height, width } = pixels[0]!;
          const data = new Float32Array(pixels.length * 3 * height * width);
          pixels.forEach(({ values }, i) => void data.set(values, i * 3 * height * width));
          const [embeds] = await graph.pool.run(
            [
              {
                graph: GRAPH,
                feeds: { pixel_values: float32(data, [pixels.length, 3, height, width]) },
                outputs: [port.name],
              },
            ],
            [{ step: 0, output: port.name }],
          );
          const vectors = embeds!.data as Float32Array;
          const stride = vectors.length / pixels.length;
          pixels.forEach((_, i) => void putUnit(out, start + i, vectors.subarray(i * stride, i * stride + dim)));
        },
        { concurrency: graph.pool.size + 1, signal: options?.signal },
      );
      return out;
    },
    close: () => graph.pool.close(),
  };
}

/** Opens the text tower of CLIP or SigLIP. SigLIP reads the last position, so its texts are padded to full length. */
export async function openTextTower(model: ModelFolder): Promise<TextEncoder> {
  const config = await readJsonIn(model.folder, 'config.json');
  if (config === undefined) throw missingFile(model.folder, 'config.json', "the model's configuration");
  const text = (config.text_config ?? {}) as Record<string, unknown>;
  const siglip = String(config.model_type).startsWith('siglip');
  const tokenizer = await loadTokenizer(model.folder);
  // The defaults are those of the configuration classes, which are not written into config.json.
  const limit = Number(text.max_position_embeddings) || (siglip ? 64 : 77);
  const graph = await openGraph(model, ['text_model', 'model']);
  const port = chooseOutput(model, graph, ['text_embeds', 'pooler_output']);
  const dim = Number(port.shape.at(-1)) || (await towerWidth(model));
  const padId = tokenizer.idOf(tokenizer.special.pad_token ?? '') ?? tokenizer.tail.at(-1) ?? 0;
  let cut = 0;
  return {
    name: model.name,
    revision: model.revision,
    dim,
    limit,
    cut: () => cut,
    encode: async (texts, options) => {
      const out = new Float32Array(texts.length * dim);
      const batches = batchByLength(texts, (one) => frameIds(tokenizer, one, limit), siglip ? limit : undefined);
      cut += countCut(batches, limit, (row) => tokenizer.encode(texts[row]!).length, tokenizer);
      await pMap(
        batches,
        async (batch) => {
          const feeds = textFeeds(batch, padId, graph.inputs);
          const [embeds] = await graph.pool.run(
            [{ graph: GRAPH, feeds, outputs: [port.name] }],
            [{ step: 0, output: port.name }],
          );
          const vectors = embeds!.data as Float32Array;
          batch.rows.forEach((rows, i) => {
            for (const row of rows) putUnit(out, row, vectors.subarray(i * dim, (i + 1) * dim));
          });
        },
        { concurrency: graph.pool.size + 1, signal: options?.signal },
      );
      return out;
    },
    close: () => graph.pool.close(),
  };
}

/** Width of the shared space, where a graph doesn't state it. */
async function towerWidth(model: ModelFolder): Promise<number> {
  const config = (await readJsonIn(model.folder, 'config.json')) ?? {};
  const vision = (config.vision_config ?? {}) as Record<string, unknown>;
  return Number(config.projection_dim ?? vision.projection_dim ?? vision.hidden_size ?? config.hidden_size ?? 512);
}
