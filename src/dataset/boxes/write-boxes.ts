import type { Format } from '../format.ts';
import type { MediaScope } from '../media/media.ts';
import { shownSize, storedSize } from '../media/media-size.ts';
import { changesPixels, type RenderSettings, renderedSize } from '../media/render.ts';
import type { Sample } from '../sample.ts';
import { boxStyle, fillBoxes, hasObjectTags } from './fill.ts';
import { moveBoxes } from './move.ts';

/** Brings the boxes of a sample to what is written of it; `losses` says which can't be, and stay as they are. */
export type BoxWriter = (sample: Sample) => Promise<{ sample: Sample; losses: string[] }>;

const UNFILLED = '<bbox> that its trainer would not fill in (--option boxes=FAMILY writes the boxes)';

/**
 * Boxes move with images that are rendered, and stand in the text where the format's trainers don't fill in `<bbox>`:
 * option `boxes` of the format names the family whose way of writing them is used. Throws `OPTION_INVALID`.
 */
export function boxWriter(
  format: Format,
  options: Readonly<Record<string, unknown>>,
  render: RenderSettings | undefined,
  scopeOf: (sample: Sample) => MediaScope,
): BoxWriter {
  const style = boxStyle(options.boxes);
  const isRendered = render !== undefined && changesPixels(render);
  return async (given) => {
    const scope = scopeOf(given);
    const { sample, loss } = isRendered ? await moveBoxes(given, render, scope) : { sample: given };
    const losses = loss === undefined ? [] : [loss];
    if (!hasObjectTags(sample) || (style === undefined && format.keepsObjects === true)) return { sample, losses };
    if (style === undefined) return { sample, losses: [...losses, UNFILLED] };
    const filled = await fillBoxes(sample, { ...style, trainerPixels: format.trainerPixels }, async (path) => {
      const stored = await storedSize(scope, path);
      if (stored === undefined) return undefined;
      return isRendered ? renderedSize(stored, render) : shownSize(stored);
    });
    return typeof filled === 'string' ? { sample, losses: [...losses, filled] } : { sample: filled, losses };
  };
}
