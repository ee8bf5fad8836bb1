import type { BoxFrame } from '../../families/boxes.ts';
import type { MediaScope } from '../media/media.ts';
import { type StoredSize, shownSize, storedSize } from '../media/media-size.ts';
import { type RenderSettings, renderedSize } from '../media/render.ts';
import type { Sample } from '../sample.ts';
import { type Box, boxesOf, changeBoxes, type FoundBox } from './boxes.ts';
import { fits, moved, rotated, type Size } from './frames.ts';

/** Boxes that stay where they are although their picture changes: the loss by which that is refused. */
const UNMOVED = 'boxes whose frame is not known, on images that are resized or turned (--boxes says it)';

/**
 * The sample with its boxes where the rendered images have what they show; `loss` where a box can't follow, and stays.
 */
export async function moveBoxes(
  sample: Sample,
  settings: RenderSettings,
  scope: MediaScope,
): Promise<{ sample: Sample; loss?: string }> {
  const found = boxesOf(sample);
  if (found.length === 0) return { sample };
  const sizes = await Promise.all(sample.media.images.map(({ path }) => storedSize(scope, path)));
  const images = sizes.map((stored, image): Change | undefined => {
    if (stored === undefined) return undefined;
    const to = renderedSize(stored, settings);
    const shown = shownSize(stored);
    const isSame = stored.orientation === 1 && to.width === shown.width && to.height === shown.height;
    if (isSame) return undefined;
    const boxes = found.filter((box) => box.image === image);
    return { stored, shown, to, drawn: drawnOn(boxes, stored, settings.boxes) };
  });
  if (images.every((change) => change === undefined)) return { sample };
  let loss: string | undefined;
  const after = changeBoxes(sample, (box) => {
    const follow = followed(box, images, settings.boxes);
    if (follow === undefined) loss = UNMOVED;
    return follow;
  });
  return { sample: after, loss };
}

interface Change {
  stored: StoredSize;
  shown: Size;
  to: Size;
  /** Which picture the boxes were drawn on; undefined: nothing tells. */
  drawn: 'stored' | 'shown' | undefined;
}

/** Whether boxes are places of the image as it is stored or as its EXIF orientation shows it: what they fit alone. */
export function drawnOn(
  boxes: readonly FoundBox[],
  stored: StoredSize,
  usual: BoxFrame | undefined,
): 'stored' | 'shown' | undefined {
  if (stored.orientation === 1) return 'shown';
  const pixels = boxes.filter(({ box, frame = usual }) => (frame ?? sureFrame(box)) === 'pixels');
  const inStored = pixels.every(({ box }) => fits(box, stored));
  const inShown = pixels.every(({ box }) => fits(box, shownSize(stored)));
  if (pixels.length === 0 || inStored === inShown) return undefined;
  return inStored ? 'stored' : 'shown';
}

/** Beyond a thousand nothing else is meant. */
function sureFrame(box: Box): BoxFrame | undefined {
  return Math.max(...box) > 1000 ? 'pixels' : undefined;
}

function followed(
  { box, frame, image, where }: FoundBox,
  images: readonly (Change | undefined)[],
  usual: BoxFrame | undefined,
): Box | undefined {
  const change = image === undefined ? undefined : images[image];
  if (image !== undefined && change === undefined) return box;
  const known = frame ?? (where === 'text' ? usual : undefined) ?? sureFrame(box);
  const isTurned = images.some((one) => one !== undefined && one.stored.orientation !== 1);
  // Fractions and thousandths of whichever image it is stay what they are, unless it is turned.
  if ((known === 'unit' || known === 'thousand') && !isTurned) return box;
  if (change === undefined || change.drawn === undefined || known !== 'pixels') return undefined;
  const upright = change.drawn === 'stored' ? rotated(box, change.stored) : box;
  return moved(upright, known, change.shown, change.to, 'resize');
}
