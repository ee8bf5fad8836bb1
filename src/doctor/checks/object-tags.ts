import { countTag, objectsOf } from '../../dataset/boxes/objects.ts';
import { count } from '../../dataset/formats/build.ts';
import type { Sample } from '../../dataset/sample.ts';
import type { CheckGroup } from './check.ts';
import { type RowCheck, rowGroup } from './row-check.ts';

/** What ms-swift can't fill in, or fills in wrongly. */
function faultsOf(sample: Sample, isSwift: boolean): string[] {
  const boxes = countTag(sample, '<bbox>');
  const references = countTag(sample, '<ref-object>');
  const objects = objectsOf(sample.meta);
  if (boxes + references === 0 || (objects === undefined && !isSwift)) return [];
  const faults: string[] = [];
  const places = objects?.places ?? [];
  if (boxes !== places.length)
    faults.push(
      `${count(boxes, '<bbox> placeholder')} for ${places.length} ${places.length === 1 ? 'box' : 'boxes'} in objects`,
    );
  const names = objects?.references.length ?? 0;
  if (references > names)
    faults.push(`${count(references, '<ref-object> placeholder')} for ${count(names, 'name')} in objects`);
  const images = sample.media.images.length;
  const lost = places.find(({ image }) => image < 0 || image >= images || !Number.isInteger(image));
  if (lost !== undefined) faults.push(`image_id ${lost.image}, where the row has ${count(images, 'image')}`);
  const odd = places.findIndex((place) => place.boxes.length === 0);
  if (odd >= 0) faults.push(`entry ${odd} of objects.bbox is no list of x, y pairs`);
  if (objects?.unknownType !== undefined)
    faults.push(`bbox_type ${JSON.stringify(objects.unknownType)}, which ms-swift takes for pixels`);
  return faults;
}

const unfilled: RowCheck = {
  code: 'D404',
  severity: 'error',
  title: "places in the text don't match those in objects",
  why: 'ms-swift leaves <bbox> as a word in what is trained, stops, or writes the box of another picture.',
  advice: 'Give every <bbox> its entry of objects.bbox, and every entry the number of its image.',
  check({ sample }, { dataset, target }) {
    if (sample === null) return undefined;
    const faults = faultsOf(sample, dataset.format === 'swift');
    if (countTag(sample, '<bbox>') > 0 && target?.trainers?.length && !target.trainers.includes('ms-swift'))
      faults.push(`<bbox> stays a word: ${target.title} fills in no boxes (convert with --option boxes=FAMILY)`);
    return faults.length === 0 ? undefined : faults.join('; ');
  },
};

/** Placeholders that ms-swift fills from `objects`. */
export const objectTags: CheckGroup = rowGroup({ name: 'grounding', order: 50 }, [unfilled]);
