import type { FoundBox } from '../../dataset/boxes/boxes.ts';
import { fits } from '../../dataset/boxes/frames.ts';
import { type StoredSize, shownSize } from '../../dataset/media/media-size.ts';
import type { BoxFrame } from '../../families/boxes.ts';
import type { DoctorContext } from './check.ts';

/** A row with boxes, each with the size of its image where that is known. */
export interface Grounded {
  row: number;
  id: string;
  boxes: (FoundBox & { size?: StoredSize })[];
}

/** The frame of a file's undeclared boxes, once an examination has found it. */
const fileFrames = new WeakMap<DoctorContext, BoxFrame>();

export function fileFrameOf(context: DoctorContext): BoxFrame | undefined {
  return fileFrames.get(context);
}

export function noteFileFrame(context: DoctorContext, frame: BoxFrame | undefined): void {
  if (frame !== undefined) fileFrames.set(context, frame);
}

/** In a file of thousandths at least this share of the rows has boxes that can't be pixels of their image. */
const THOUSAND_SHARE = 0.3;

const undeclared = ({ boxes }: Grounded): Grounded['boxes'] => boxes.filter(({ frame }) => frame === undefined);
const isLarge = (row: Grounded): boolean => undeclared(row).some(({ box }) => Math.max(...box) > 1000);
const isWithin = (row: Grounded): boolean =>
  undeclared(row).every(({ box, size }) => size === undefined || fits(box, shownSize(size)) || fits(box, size));

/**
 * The frame of a file's undeclared boxes: pixels where values pass 1000 inside of their images, else by what the
 * images' sizes allow.
 */
export function frameOf(rows: readonly Grounded[]): BoxFrame | undefined {
  const open = rows.filter((row) => undeclared(row).length > 0);
  if (open.length === 0) return undefined;
  const known = open.filter((row) => undeclared(row).some(({ size }) => size !== undefined));
  const large = open.filter(isLarge).length;
  if (known.length === 0) return large * 2 >= open.length ? 'pixels' : 'thousand';
  const tooFar = known.filter((row) => !isLarge(row) && !isWithin(row)).length;
  const absolute = known.filter((row) => isLarge(row) && isWithin(row)).length;
  if (tooFar / known.length >= THOUSAND_SHARE && tooFar >= absolute) return 'thousand';
  if (absolute > 0) return 'pixels';
  const isSmall = (row: Grounded): boolean =>
    undeclared(row).some(({ size }) => size !== undefined && Math.min(size.width, size.height) < 1000);
  return known.some(isSmall) ? 'pixels' : 'thousand';
}

/** Size of the stored image where a row's boxes are pixels that fit it and not the image as it is shown. */
export function unrotatedSize({ boxes }: Grounded, fileFrame: BoxFrame | undefined): StoredSize | undefined {
  const turned = boxes.filter(
    ({ frame = fileFrame, size }) => frame === 'pixels' && size !== undefined && size.orientation >= 5,
  );
  const isStored = turned.length > 0 && turned.every(({ box, size }) => fits(box, size!));
  return isStored ? turned.find(({ box, size }) => !fits(box, shownSize(size!)))?.size : undefined;
}

/** What is wrong with the boxes of a row; `others`: the file has other rows with boxes. */
export function boxFaults({ boxes }: Grounded, fileFrame: BoxFrame | undefined, others: boolean): string[] {
  return boxes.flatMap((found) => boxFault(found, found.frame ?? fileFrame, others) ?? []);
}

function boxFault(
  { box, size, image, where }: Grounded['boxes'][number],
  frame: BoxFrame | undefined,
  others: boolean,
): string | undefined {
  const name = `[${box.join(', ')}]`;
  const [x1, y1, x2, y2] = box as readonly [number, number, number, number];
  if (box.length === 4 && (x2 <= x1 || y2 <= y1)) return `${name} has no area`;
  if (Math.min(...box) < 0) return `${name} begins before the image`;
  if (frame === 'unit' && Math.max(...box) > 1) return `${name} is outside of 0 to 1`;
  if (frame === 'thousand' && Math.max(...box) > 1000)
    return `${name} is beyond 1000${others ? ', where the other rows stay within it' : ''}`;
  if (frame !== 'pixels' || size === undefined || fits(box, shownSize(size))) return undefined;
  const { width, height } = shownSize(size);
  const which = where === 'objects' ? `image ${image} (image_id)` : 'the image';
  return `${name} is outside of ${which}, which has ${width} x ${height} pixels`;
}
