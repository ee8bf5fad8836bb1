import { fixImages } from '../fixes/fix-image.ts';
import { type Inspected, type MediaCollection, mediaOf } from '../media/collect.ts';
import { type Fault, imageFaults, videoFaults } from '../media/faults.ts';
import { placeholderFaults } from '../media/placeholders.ts';
import type { Check, CheckGroup, DoctorContext, Fix } from './check.ts';

const CHECKS: readonly Check[] = [
  {
    code: 'D102',
    severity: 'error',
    title: 'media missing, empty or outside of the media root',
    why: 'The loader stops in the middle of an epoch, or reads a file that the data had no business with.',
    advice: 'Check --images, the folder that paths start from; fetch the missing files or leave the rows out.',
  },
  {
    code: 'D103',
    severity: 'error',
    title: 'image truncated, undecodable, or not what its name says',
    why: 'Loaders stop, skip the row in silence, or feed a half-grey picture.',
    advice: 'Download the file again.',
    fix: 'rename to what the content is; else drop the row (--keep-damaged: keep what decodes)',
  },
  {
    code: 'D104',
    severity: 'warn',
    title: 'EXIF orientation that some loaders apply and others ignore',
    why: 'The model sees a picture that lies on its side, and boxes in another frame.',
    advice: 'Turn the pixels and drop the tag.',
    fix: 'bake the orientation',
  },
  {
    code: 'D105',
    severity: 'warn',
    title: 'image that is not 8-bit RGB or grey',
    why: 'Loaders disagree on what transparency, palettes, CMYK, 16 bits and animations become.',
    advice: 'Flatten on a plain colour, take the first frame, and save as RGB.',
    fix: 'flatten on white (what is white on black), first frame, RGB of 8 bits',
  },
  {
    code: 'D106',
    severity: 'error',
    title: 'image of a size that loaders refuse',
    why: 'Preprocessing raises an error on the shape, or Pillow takes the image for a decompression bomb.',
    advice: 'Pad strips and tiny images, shrink or drop huge ones.',
    fix: 'pad, or drop where the image is too large',
  },
  {
    code: 'D107',
    severity: 'warn',
    title: 'image so small that it is blown up',
    why: 'Many image tokens are spent on a few pixels.',
    advice: 'Find the originals: these may be thumbnails or icons.',
  },
  {
    code: 'D108',
    severity: 'warn',
    title: 'empty image, or one picture standing for many',
    why: 'The answer can not be seen in it: "image not found" pages teach the model to guess.',
    advice: 'Download the images again, or drop the rows.',
    fix: 'drop the row',
  },
  {
    code: 'D109',
    severity: 'error',
    title: 'video unreadable or without enough frames',
    why: 'The video reader stops, or the row trains on nothing.',
    advice: 'Download or cut the video again.',
  },
];

/** What is wrong with the image and video files themselves: decoded with the real decoder, each distinct file once. */
export const media: CheckGroup = {
  name: 'media',
  order: 60,
  checks: CHECKS,
  open(context) {
    const collection = mediaOf(context);
    const faulty = new Map<string, readonly Fault[]>();
    return {
      visit: (row) => collection.add(row),
      async finish() {
        const inspected = await collection.inspect(context);
        reportFaults(context, collection, inspected, faulty);
      },
      fixes: fixesOf(context, faulty),
    };
  },
};

function reportFaults(
  context: DoctorContext,
  collection: MediaCollection,
  { images, videos }: Inspected,
  faulty: Map<string, readonly Fault[]>,
): void {
  const placeholders = placeholderFaults(collection, images);
  const faults = collection.media.map(({ kind }, number): Fault[] =>
    kind === 'video'
      ? videoFaults(videos[number] ?? {}, context.target)
      : [
          ...imageFaults(images[number] ?? {}, context.target, context.keepDamaged),
          ...(placeholders.get(number) ?? []),
        ],
  );
  collection.rows.forEach((row, index) => {
    for (const number of collection.mediaOf(index)) {
      const { key, path } = collection.media[number]!;
      for (const { code, detail, fixable } of faults[number]!) {
        const name = path === undefined ? 'embedded image' : path;
        context.report({
          code,
          row,
          id: collection.idOf(row),
          detail: `${name}: ${detail}`,
          fixable,
        });
      }
      if (faults[number]!.length > 0) faulty.set(key, faults[number]!);
    }
  });
}

function fixesOf(context: DoctorContext, faulty: ReadonlyMap<string, readonly Fault[]>): Record<string, Fix> {
  const fixFor =
    (code: string): Fix =>
    (sample, fix) =>
      fixImages(sample, code, faulty, context, fix);
  return Object.fromEntries(['D103', 'D104', 'D105', 'D106', 'D108'].map((code) => [code, fixFor(code)]));
}
