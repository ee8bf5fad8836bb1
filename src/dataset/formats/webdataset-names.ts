import { extname } from 'node:path';
import { mediaKind } from '../media/media-type.ts';

/**
 * A member's name as readers of WebDataset take it apart: the key is the path up to the first dot of the last part, the
 * field is the rest in lower case. Undefined for what belongs to no sample.
 */
export function splitMember(name: string): { key: string; field: string } | undefined {
  const found = /^((?:.*\/)?[^./][^./]*)\.([^/]+)$/s.exec(name.replace(/^\.\//, ''));
  const [, key, field] = found ?? [];
  if (key === undefined || field === undefined || /^__.*__$/.test(name)) return undefined;
  return { key, field: field.toLowerCase() };
}

/**
 * Keys for ids. A key may hold no dot and no slash, so what is not plain becomes `_`; where two ids would meet, a
 * number follows.
 */
export function keyMaker(): (id: string) => string {
  const used = new Set<string>();
  return (id) => {
    const plain = id.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 80) || '_';
    let key = plain;
    for (let n = 2; used.has(key.toLowerCase()); n++) key = `${plain}-${n}`;
    used.add(key.toLowerCase());
    return key;
  };
}

/**
 * Names fields: of the i-th image `0.jpg`, of a video `v0.mp4`. The first file's ending is that of all of its kind:
 * readers take each ending for a column of its own, and decode by the content.
 */
export function fieldNamer(): (kind: 'image' | 'video', index: number, path: string) => string {
  const endings = new Map<string, string>();
  return (kind, index, path) => {
    const ending = endings.get(kind) ?? (extname(path).toLowerCase() || '.bin');
    endings.set(kind, ending);
    return `${kind === 'video' ? 'v' : ''}${index}${ending}`;
  };
}

/** Whether a field is an image or a video, by its last ending. */
export function kindOfField(field: string): 'image' | 'video' | undefined {
  return mediaKind(extname(`.${field}`) || `.${field}`);
}
