import { exactJson } from '../exact-number.ts';
import type { Format, Probe, ReadContext, WriteOptions } from '../format.ts';
import { joinedSource } from '../records/joined-source.ts';
import type { Joiner } from '../records/sink.ts';
import type { Sample } from '../sample.ts';
import { isObject, type JsonObject, otherColumns, type ReadResult, rowError } from './build.ts';
import { captionTurns, exchangeLimits, exchangeOf, field, idText, idValue } from './caption.ts';
import { metaClashes } from './limits.ts';
import { openMemberList, peekMemberList } from './member-list.ts';

const COLUMNS = ['id', 'caption', 'image'];
/** Column of `meta` for the image's own fields; `image` is a column of many formats. */
const IMAGE = 'coco_image';

/**
 * COCO captions: one object with `images` and `annotations`. Every annotation is a row, its caption the answer to
 * "Describe the image."; several captions of an image are several rows. `image_id` and the image's own fields
 * (`meta.coco_image`) are kept; `info`, `licenses` and images without a caption are not.
 * Source: cocodataset.org, "Data format", caption annotations.
 */
export const coco: Format = {
  name: 'coco',
  order: 120,
  aliases: ['coco-captions'],
  title: 'COCO captions',
  container: 'own',
  extension: '.json',

  sniff(probe: Probe) {
    const [image] = peekMemberList(probe, 'images');
    const [annotation] = peekMemberList(probe, 'annotations');
    const fits = typeof field(image, 'file_name') === 'string' && typeof field(annotation, 'caption') === 'string';
    if (!fits) return { confidence: 0, because: 'no "images" and "annotations" with captions' };
    return { confidence: 1, because: '"images" with "file_name", and "annotations" with "caption"' };
  },

  async openSource(probe: Probe, _options: Readonly<Record<string, unknown>>, given: string) {
    const annotations = openMemberList(probe, 'annotations', given);
    return joinedSource(annotations, openMemberList(probe, 'images', given), {
      key: (annotation) => idText(field(annotation, 'image_id')),
      name: (image) => idText(field(image, 'id')),
      as: 'image',
    });
  },

  read(record: unknown, context: ReadContext): ReadResult {
    if (!isObject(record) || typeof record.caption !== 'string')
      return rowError(context, 'RECORD_SHAPE', 'the annotation has no "caption"');
    const { image } = record;
    if (Array.isArray(image)) {
      const names = image.map((item) => JSON.stringify(field(item, 'file_name'))).join(', ');
      const id = JSON.stringify(record.image_id);
      return rowError(context, 'IMAGE_UNKNOWN', `${image.length} images have the id ${id} (${names})`);
    }
    if (!isObject(image) || typeof image.file_name !== 'string')
      return rowError(context, 'IMAGE_UNKNOWN', `no image has the id ${JSON.stringify(record.image_id)}`);
    const about = otherColumns(image, ['id', 'file_name']);
    const meta = {
      ...otherColumns(record, COLUMNS),
      ...(Object.keys(about).length > 0 ? { [IMAGE]: about } : {}),
    };
    const id = idText(record.id) ?? `${context.file}#${context.row}`;
    const media = { images: [{ path: image.file_name }], videos: [] };
    return { ok: true, sample: { id, messages: captionTurns(record.caption), media, meta } };
  },

  write(sample: Sample) {
    const { [IMAGE]: image, ...meta } = sample.meta;
    const exchange = exchangeOf(sample);
    if (exchange?.answer === undefined) return [];
    const about = { file_name: exchange.image, ...(isObject(image) ? image : {}) };
    return [{ ...meta, id: idValue(sample.id), caption: exchange.answer, image: about }];
  },

  cannotHold: (sample: Sample) => [
    ...exchangeLimits(sample, 'caption'),
    ...(sample.media.images.length === 1 && sample.messages.length === 1 ? ['image without a caption'] : []),
    ...metaClashes(sample.meta, COLUMNS),
    ...(IMAGE in sample.meta && !isObject(sample.meta[IMAGE]) ? [`column "${IMAGE}" of another format`] : []),
  ],

  joiner: (_main: string, { indent = 1 }: WriteOptions): Joiner => joinCoco(indent),
};

/**
 * Annotations as they come, the images they are of behind them. An image keeps its `image_id` unless another has it.
 */
function joinCoco(indent: number): Joiner {
  const images = new Map<string, JsonObject>();
  const taken = new Set<string>();
  let next = 1;
  let rows = 0;
  const idOf = (wanted: unknown): string | number => {
    const own = idText(wanted);
    if (own !== undefined && !taken.has(own)) return wanted as string | number;
    while (taken.has(String(next))) next++;
    return next;
  };
  const element = (value: unknown): string => `${' '.repeat(indent)}${exactJson(value)}`;
  return {
    add(record) {
      const { image, ...annotation } = record as JsonObject & { image: JsonObject };
      const path = String(image.file_name);
      const known = images.get(path);
      const id = known?.id ?? idOf(annotation.image_id);
      taken.add(String(id));
      if (known === undefined) images.set(path, { id, ...image });
      return [`${rows++ === 0 ? '{"annotations": [\n' : ',\n'}${element({ ...annotation, image_id: id })}`];
    },
    end() {
      const lead = rows === 0 ? '{"annotations": []' : '\n]';
      const list = [...images.values()].map(element).join(',\n');
      return [`${lead},\n"images": [${list === '' ? '' : `\n${list}\n`}]}\n`];
    },
  };
}
