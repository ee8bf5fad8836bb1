import pMap from 'p-map';
import { boxesOf, changeBoxes, type FoundBox, withFrame } from '../../dataset/boxes/boxes.ts';
import { converted, rotated, sizeForModel } from '../../dataset/boxes/frames.ts';
import { type StoredSize, shownSize, storedSize } from '../../dataset/media/media-size.ts';
import type { Sample } from '../../dataset/sample.ts';
import type { BoxFrame } from '../../families/boxes.ts';
import { boxFaults, frameOf, type Grounded, noteFileFrame, unrotatedSize } from './box-frames.ts';
import type { Check, CheckGroup, DoctorContext, Examination } from './check.ts';
import { textSummary } from './texts.ts';

/** Images whose headers are read at a time. */
const IN_FLIGHT = 8;

const outside: Check = {
  code: 'D401',
  severity: 'error',
  title: 'a box outside the frame, without area, or in another frame than the rest',
  why: 'The model is taught places that do not exist, or two languages for places at once.',
  advice: 'Correct the boxes where they are made.',
};
const otherFrame: Check = {
  code: 'D402',
  severity: 'warn',
  title: "boxes are not in the target's frame",
  why: 'The model knows places in one frame from its pretraining; in another every box is shifted.',
  advice: "Convert the boxes to the target's frame.",
  fix: "convert them, by the target's resize",
  needs: 'target',
  appliesTo: (target) => target.boxFrame !== undefined,
};
const unrotated: Check = {
  code: 'D403',
  severity: 'warn',
  title: 'boxes were drawn before the EXIF rotation',
  why: 'Loaders turn the image and not the boxes.',
  advice: 'Turn the boxes too.',
  fix: 'turn the boxes',
};

/** Boxes in texts and in `objects`: the frame of those in texts is that of the file, found from all rows together. */
export const grounding: CheckGroup = { name: 'grounding', order: 40, checks: [outside, otherFrame, unrotated], open };

function open(context: DoctorContext): Examination {
  const { dataset, target, report } = context;
  const rows: (Grounded & { paths: readonly string[] })[] = [];
  const turned = new Set<number>();
  let fileFrame: BoxFrame | undefined;

  const sizeOf = (path: string | undefined): Promise<StoredSize | undefined> =>
    path === undefined ? Promise.resolve(undefined) : storedSize(dataset, path);
  /** Only numbers in texts are the data's to convert: those of `objects` the trainer brings to the model's frame. */
  const strays = ({ boxes }: Grounded): FoundBox[] =>
    boxes.filter(({ where, frame = fileFrame, size }) => {
      if (where !== 'text' || frame === undefined || frame === target?.boxFrame) return false;
      if (frame !== 'pixels' || target?.boxFrame !== 'resized-pixels' || size === undefined) return true;
      const shown = shownSize(size);
      const seen = sizeForModel(shown, target.resize, target.trainerPixels);
      return seen.width !== shown.width || seen.height !== shown.height;
    });
  return {
    visit({ row, id, sample }) {
      const boxes = sample === null ? [] : boxesOf(sample);
      if (sample === null || boxes.length === 0) return;
      rows.push({ row, id, boxes, paths: sample.media.images.map(({ path }) => path) });
    },
    async finish() {
      await addSizes(rows, sizeOf, context);
      fileFrame = frameOf(rows);
      noteFileFrame(context, fileFrame);
      for (const grounded of rows) {
        const { row, id } = grounded;
        const size = unrotatedSize(grounded, fileFrame);
        if (size !== undefined) {
          turned.add(row);
          report({ code: 'D403', row, id, detail: describeTurned(size) });
        } else {
          for (const detail of boxFaults(grounded, fileFrame, rows.length > 1))
            report({ code: 'D401', row, id, detail });
        }
        const [stray] = target?.boxFrame === undefined ? [] : strays(grounded);
        if (stray === undefined) continue;
        const from = NAMES[stray.frame ?? fileFrame!];
        const detail = `${from}, and ${target!.title} expects ${NAMES[target!.boxFrame!]}`;
        report({ code: 'D402', row, id, detail, fixable: stray.image !== undefined });
      }
    },
    fixes: {
      async D403(sample, { row }) {
        if (!turned.has(row)) return null;
        const sizes = await Promise.all(sample.media.images.map(({ path }) => sizeOf(path)));
        const after = changeBoxes(sample, ({ box, frame = fileFrame, image }) => {
          const size = image === undefined ? undefined : sizes[image];
          return frame === 'pixels' && size !== undefined ? rotated(box, size) : undefined;
        });
        return changed(sample, after);
      },
      async D402(sample) {
        const size = await sizeOf(sample.media.images[0]?.path);
        const to = target?.boxFrame;
        if (target === undefined || to === undefined || size === undefined) return null;
        const shown = shownSize(size);
        const resized = sizeForModel(shown, target.resize, target.trainerPixels);
        const after = changeBoxes(sample, ({ box, frame: from = fileFrame, where }) =>
          where === 'text' && from !== undefined ? converted(box, from, to, shown, resized) : undefined,
        );
        return changed(sample, withFrame(after, to));
      },
    },
  };
}

const NAMES: Record<BoxFrame, string> = {
  unit: 'fractions of the image',
  thousand: '0 to 1000',
  pixels: 'pixels of the image',
  'resized-pixels': 'pixels of the resized image',
};

function describeTurned(size: StoredSize): string {
  const shown = shownSize(size);
  return `the boxes fit the stored image (${size.width} x ${size.height}), not the shown one (${shown.width} x ${shown.height})`;
}

function changed(before: Sample, after: Sample): { sample: Sample; was: unknown; is: unknown } {
  const summary = (sample: Sample): unknown => ({ turns: textSummary(sample), objects: sample.meta.objects });
  return { sample: after, was: summary(before), is: summary(after) };
}

/** Sizes of the images whose boxes may be pixels. */
async function addSizes(
  rows: readonly (Grounded & { paths: readonly string[] })[],
  sizeOf: (path: string) => Promise<StoredSize | undefined>,
  { signal, progress }: DoctorContext,
): Promise<void> {
  const pathOf = ({ paths }: { paths: readonly string[] }, { image, frame }: FoundBox): string | undefined =>
    image === undefined || (frame !== undefined && frame !== 'pixels') ? undefined : paths[image];
  const sizes = new Map<string, StoredSize | undefined>();
  const paths = [...new Set(rows.flatMap((row) => row.boxes.flatMap((box) => pathOf(row, box) ?? [])))];
  const read = async (path: string): Promise<void> => {
    sizes.set(path, await sizeOf(path));
    progress?.(sizes.size, paths.length, 'reading image sizes');
  };
  await pMap(paths, read, { concurrency: IN_FLIGHT, signal });
  for (const row of rows)
    for (const box of row.boxes) {
      const path = pathOf(row, box);
      if (path !== undefined) box.size = sizes.get(path);
    }
}
