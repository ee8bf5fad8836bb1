import { WinnowError } from '../../base/errors.ts';
import { isRemote, resolveMedia } from '../../dataset/media/media.ts';
import { mediaExtension, mediaTypeOfMime } from '../../dataset/media/media-type.ts';
import type { MediaRef, Message, Part, Sample } from '../../dataset/sample.ts';
import { changed } from '../fixes/fix-turns.ts';
import { shortPath } from '../media/collect.ts';
import type { CheckGroup, Fix } from './check.ts';
import { type Issue, type RowCheck, rowGroup } from './row-check.ts';
import { shown } from './texts.ts';

const KINDS = ['image', 'video'] as const;

/** Media files of one kind that a row lists. */
function listed(sample: Sample, kind: 'image' | 'video'): readonly MediaRef[] {
  return kind === 'image' ? sample.media.images : sample.media.videos;
}

/** What is wrong with the numbers of placeholders and media, the larger side first; undefined: they match. */
export function countMismatch(sample: Sample): string | undefined {
  const wrong = KINDS.flatMap((kind) => {
    const tags = shown(sample, kind);
    const files = listed(sample, kind).length;
    if (tags === files) return [];
    const placeholders = `${tags} <${kind}> placeholder${tags === 1 ? '' : 's'}`;
    const media = `${files} ${kind} file${files === 1 ? '' : 's'}`;
    return [
      tags > files ? `more placeholders: ${placeholders} for ${media}` : `more files: ${media} for ${placeholders}`,
    ];
  });
  return wrong.length === 0 ? undefined : wrong.join('; ');
}

/** One medium, no placeholder, and a user turn to put it in. */
function canPrepend(sample: Sample): 'image' | 'video' | undefined {
  const kind = KINDS.find((one) => listed(sample, one).length === 1 && shown(sample, one) === 0);
  const other = kind === 'image' ? 'video' : 'image';
  if (kind === undefined || shown(sample, other) !== listed(sample, other).length) return undefined;
  return sample.messages.some((message) => message.role === 'user') ? kind : undefined;
}

const prepend: Fix = (sample) => {
  const kind = canPrepend(sample);
  if (kind === undefined) return null;
  const at = sample.messages.findIndex((message) => message.role === 'user');
  const part = kind === 'image' ? ({ type: 'image', image: 0 } as const) : ({ type: 'video', video: 0 } as const);
  const messages = sample.messages.map(
    (message, index): Message => (index === at ? { ...message, parts: [part, ...message.parts] } : message),
  );
  return changed(sample, { ...sample, messages });
};

const counts: RowCheck = {
  code: 'D101',
  severity: 'error',
  title: "placeholders and media don't match",
  why: 'LLaMA-Factory and TRL stop in the middle of the epoch; ms-swift puts images in the wrong place, LLaVA drops them.',
  advice: 'Make the number of placeholders that of the media; rows with more of one side need a look.',
  fix: 'put the placeholder of a single medium first in the first user turn',
  check(row): Issue {
    if (row.sample === null) return undefined;
    const wrong = countMismatch(row.sample) ?? (row.fault?.code === 'PLACEHOLDER_COUNT' ? row.fault.reason : undefined);
    return wrong === undefined ? undefined : { detail: wrong, fixable: canPrepend(row.sample) !== undefined };
  },
  applyFix: prepend,
};

const REMOTE = (path: string): string | undefined =>
  isRemote(path) ? 'a remote URL' : /^data:/i.test(path) ? 'a data URI' : undefined;

/** Data URIs become files; one that can't be decoded stays, and the media checks say so. */
const materialise: Fix = async (sample, { dataset, store }) => {
  const was: string[] = [];
  const is: string[] = [];
  const written = async (ref: MediaRef): Promise<MediaRef> => {
    if (!/^data:/i.test(ref.path)) return ref;
    try {
      const media = resolveMedia(dataset, ref);
      if (media.kind !== 'data') return ref;
      const path = await store(
        media.bytes,
        mediaExtension(media.bytes) ?? mediaTypeOfMime(media.mime)?.extensions[0] ?? '.bin',
      );
      was.push(shortPath(ref.path));
      is.push(path);
      return { path };
    } catch (error) {
      if (error instanceof WinnowError && error.code === 'MEDIA_DATA_URI') return ref;
      throw error;
    }
  };
  const images: MediaRef[] = [];
  for (const ref of sample.media.images) images.push(await written(ref));
  const videos: MediaRef[] = [];
  for (const ref of sample.media.videos) videos.push(await written(ref));
  return was.length === 0 ? null : { sample: { ...sample, media: { images, videos } }, was, is };
};

const inline: RowCheck = {
  code: 'D110',
  severity: 'info',
  title: 'remote URLs or data URIs in rows',
  why: "What a URL gives today it needn't give tomorrow; data URIs make the file huge.",
  advice: 'Turn data URIs into files with --fix; download what is remote.',
  fix: 'write data URIs out as files',
  check({ sample }): Issue {
    if (sample === null) return undefined;
    const kinds = [...sample.media.images, ...sample.media.videos].map(({ path }) => REMOTE(path));
    const issues = [...new Set(kinds.filter((kind) => kind !== undefined))];
    return issues.length === 0 ? undefined : { detail: issues.join(' and '), fixable: issues.includes('a data URI') };
  },
  applyFix: materialise,
};

/** The medium of this kind that a part shows, or -1. */
function indexIn(part: Part, kind: 'image' | 'video'): number {
  if (part.type === 'text' || part.type !== kind) return -1;
  return part.type === 'image' ? part.image : part.video;
}

const twice: RowCheck = {
  code: 'D111',
  severity: 'warn',
  title: 'a medium is listed twice in a row, or never shown',
  why: 'The same image is paid for twice, or one that the dialogue is about is missing from it.',
  advice: 'Look at the row: list each medium once and show it.',
  check({ sample }) {
    if (sample === null) return undefined;
    const issues: string[] = [];
    for (const kind of KINDS) {
      const paths = listed(sample, kind).map(({ path }) => path);
      const met = new Set<string>();
      const again = paths.find((path) => met.size === met.add(path).size);
      if (again !== undefined) issues.push(`${kind} ${JSON.stringify(again.slice(0, 80))} is listed twice`);
      // Where the numbers differ, D101 says so.
      if (paths.length !== shown(sample, kind)) continue;
      const used = new Set(sample.messages.flatMap(({ parts }) => parts.map((part) => indexIn(part, kind))));
      const unused = paths.findIndex((_, index) => !used.has(index));
      if (unused >= 0) issues.push(`${kind} ${unused} is never shown`);
    }
    return issues.length === 0 ? undefined : issues.join('; ');
  },
};

/** What can be said of media without opening one: the counts and the paths. */
export const references: CheckGroup = rowGroup({ name: 'media', order: 70 }, [counts, inline, twice]);
