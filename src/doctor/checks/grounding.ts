import { resizedSize } from '../../cost/image-tokens/resized.ts';
import { type Box, boxesOf, changeBoxes, type FoundBox, type Frame } from '../../dataset/boxes/boxes.ts';
import { converted, fits, rotated } from '../../dataset/boxes/frames.ts';
import { type StoredSize, shownSize, storedSize } from '../../dataset/media/media-size.ts';
import type { Sample } from '../../dataset/sample.ts';
import type { Check, CheckGroup, DoctorContext, Examination } from './check.ts';
import { textSummary } from './texts.ts';

/** Images whose headers are read at a time. */
const IN_FLIGHT = 8;
/** In a file of thousandths at least this share of the rows has boxes that can't be pixels of their image. */
const THOUSAND_SHARE = 0.3;

const outside: Check = {
  code: 'D401',
  severity: 'error',
  title: 'a box outside the frame, without area, or in another frame than the rest',
  why: 'The model is taught places that do not exist, or two languages for places at once.',
  advice: 'Mend the boxes where they are made.',
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

interface Grounded {
  row: number;
  id: string;
  /** The only image of the row; absent where there are several. */
  image?: string;
  boxes: FoundBox[];
  size?: StoredSize;
}

/** Boxes in texts: their frame is that of the file, found from all rows together. */
export const grounding: CheckGroup = { name: 'grounding', checks: [outside, otherFrame, unrotated], open };

function open(context: DoctorContext): Examination {
  const { dataset, target, report } = context;
  const rows: Grounded[] = [];
  const turned = new Set<number>();
  let frame: Frame | undefined;

  const sizeOf = (path: string): Promise<StoredSize | undefined> => storedSize(dataset, path);
  return {
    visit({ row, id, sample }) {
      const boxes = sample === null ? [] : boxesOf(sample);
      if (sample === null || boxes.length === 0) return;
      const [image, ...more] = sample.media.images;
      rows.push({ row, id, boxes, image: image === undefined || more.length > 0 ? undefined : image.path });
    },
    async finish() {
      const unsure = rows.filter(({ boxes }) => boxes.some((box) => box.frame === undefined || box.frame === 'pixels'));
      await addSizes(unsure, sizeOf, context);
      frame = frameOf(unsure);
      for (const grounded of rows) {
        if (isUnrotated(grounded, frame)) {
          turned.add(grounded.row);
          report({ code: 'D403', row: grounded.row, id: grounded.id, detail: describeTurned(grounded) });
          continue;
        }
        for (const fault of faults(grounded, frame, unsure))
          report({ code: 'D401', row: grounded.row, id: grounded.id, detail: fault });
      }
      if (target?.boxFrame === undefined) return;
      for (const { row, id, boxes, size, image } of rows) {
        const from = boxes[0]!.frame ?? frame;
        if (from === undefined || from === target.boxFrame) continue;
        const shown = size === undefined ? undefined : shownSize(size);
        if (from === 'pixels' && shown !== undefined && target.resize !== undefined) {
          const resized = resizedSize(shown, target.resize);
          if (target.boxFrame === 'resized-pixels' && resized.width === shown.width && resized.height === shown.height)
            continue;
        }
        const detail = `${NAMES[from]}, and ${target.title} expects ${NAMES[target.boxFrame]}`;
        report({ code: 'D402', row, id, detail, fixable: image !== undefined });
      }
    },
    fixes: {
      async D403(sample, { row }) {
        const size = turned.has(row) ? await sizeOf(sample.media.images[0]!.path) : undefined;
        return size === undefined
          ? null
          : changed(
              sample,
              changeBoxes(sample, undefined, ({ box }) => rotated(box, size)),
            );
      },
      async D402(sample) {
        const size = await sizeOf(sample.media.images[0]!.path);
        const to = target?.boxFrame;
        if (to === undefined || size === undefined) return null;
        const shown = shownSize(size);
        const resized = target?.resize === undefined ? shown : resizedSize(shown, target.resize);
        const fixed = changeBoxes(sample, to, (found) => {
          const from = found.frame ?? frame;
          return from === undefined ? undefined : converted(found.box, from, to, shown, resized);
        });
        return changed(sample, fixed);
      },
    },
  };
}

const NAMES: Record<Frame, string> = {
  unit: 'fractions of the image',
  thousand: '0 to 1000',
  pixels: 'pixels of the image',
  'resized-pixels': 'pixels of the resized image',
};

const plain = (boxes: readonly FoundBox[]): Box[] =>
  boxes.filter(({ frame }) => frame === undefined).map(({ box }) => box);
const isLarge = ({ boxes }: Grounded): boolean => plain(boxes).some((box) => Math.max(...box) > 1000);
const isWithin = ({ boxes, size }: Grounded): boolean =>
  size === undefined || plain(boxes).every((box) => fits(box, shownSize(size)) || fits(box, size));

/**
 * The frame of a file's undeclared boxes: pixels where values pass 1000 inside of their images, else by what the
 * images' sizes allow.
 */
function frameOf(rows: readonly Grounded[]): Frame | undefined {
  const open = rows.filter(({ boxes }) => plain(boxes).length > 0);
  if (open.length === 0) return undefined;
  const known = open.filter(({ size }) => size !== undefined);
  const large = open.filter(isLarge).length;
  if (known.length === 0) return large * 2 >= open.length ? 'pixels' : 'thousand';
  const tooFar = known.filter((row) => !isLarge(row) && !isWithin(row)).length;
  const absolute = known.filter((row) => isLarge(row) && isWithin(row)).length;
  if (tooFar / known.length >= THOUSAND_SHARE && tooFar >= absolute) return 'thousand';
  if (absolute > 0) return 'pixels';
  const small = known.some(({ size }) => Math.min(size!.width, size!.height) < 1000);
  return small ? 'pixels' : 'thousand';
}

/** Pixels that fit the image as it is stored and not as it is shown. */
function isUnrotated({ boxes, size }: Grounded, frame: Frame | undefined): boolean {
  if (size === undefined || size.orientation < 5) return false;
  const pixels = boxes.filter((box) => (box.frame ?? frame) === 'pixels').map(({ box }) => box);
  return (
    pixels.length > 0 && pixels.every((box) => fits(box, size)) && pixels.some((box) => !fits(box, shownSize(size)))
  );
}

function describeTurned({ size }: Grounded): string {
  const shown = shownSize(size!);
  return `the boxes fit the stored image (${size!.width} x ${size!.height}), not the shown one (${shown.width} x ${shown.height})`;
}

function faults({ boxes, size }: Grounded, fileFrame: Frame | undefined, all: readonly Grounded[]): string[] {
  const found: string[] = [];
  for (const { box, frame = fileFrame } of boxes) {
    const [x1, y1, x2, y2] = box;
    const name = `[${box.join(', ')}]`;
    if (x2 <= x1 || y2 <= y1) found.push(`${name} has no area`);
    else if (Math.min(...box) < 0) found.push(`${name} begins before the image`);
    else if (frame === 'unit' && Math.max(...box) > 1) found.push(`${name} is outside of 0 to 1`);
    else if (frame === 'thousand' && Math.max(...box) > 1000)
      found.push(`${name} is beyond 1000${all.length > 1 ? ', where the other rows stay within it' : ''}`);
    else if (frame === 'pixels' && size !== undefined && !fits(box, shownSize(size)))
      found.push(`${name} is outside of the image of ${shownSize(size).width} x ${shownSize(size).height}`);
  }
  return found;
}

function changed(before: Sample, after: Sample): { sample: Sample; was: unknown; is: unknown } {
  const shown = (sample: Sample): unknown => ({ turns: textSummary(sample), objects: sample.meta.objects });
  return { sample: after, was: shown(before), is: shown(after) };
}

async function addSizes(
  rows: readonly Grounded[],
  sizeOf: (path: string) => Promise<StoredSize | undefined>,
  { signal, progress }: DoctorContext,
): Promise<void> {
  const sizes = new Map<string, StoredSize | undefined>();
  const paths = [...new Set(rows.flatMap(({ image }) => (image === undefined ? [] : [image])))];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < paths.length) {
      signal?.throwIfAborted();
      const path = paths[next++]!;
      sizes.set(path, await sizeOf(path));
      progress?.(sizes.size, paths.length, 'reading image sizes');
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
  for (const row of rows) {
    const size = row.image === undefined ? undefined : sizes.get(row.image);
    if (size !== undefined) row.size = size;
  }
}
