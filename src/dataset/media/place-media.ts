import { createHash } from 'node:crypto';
import { constants, realpathSync } from 'node:fs';
import { copyFile, link, lstat, readdir, readFile, readlink, rename, rm, stat, symlink } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, join, normalize, relative, resolve } from 'node:path';
import { WinnowError } from '../../base/errors.ts';
import { sweepTemporary, temporaryName, writeFileAtomic } from '../../base/files/atomic.ts';
import { withDiskErrors } from '../../base/files/disk-errors.ts';
import { makeFolder } from '../../base/files/make-folder.ts';
import type { OutputGuard } from '../../base/files/output-guard.ts';
import type { MediaRef, Sample } from '../sample.ts';
import { isInside, isRemote, type MediaScope, resolveMedia } from './media.ts';
import { dataUriOf, mediaExtension, mediaTypeOfMime } from './media-type.ts';
import type { RenderSettings } from './render.ts';
import { renderer } from './render-spool.ts';

/**
 * `keep`: paths as they are. `link`, `copy`: files under the written folder. `embed`: data URIs in the records.
 * `inside`: in the written file itself, where its format holds bytes.
 */
export type MediaMode = 'keep' | 'link' | 'copy' | 'embed' | 'inside';

/** The bytes of a medium by the path that its placed sample has for it; undefined where there are none to be had. */
export type MediaLoader = (path: string) => Promise<Uint8Array | undefined>;

type Content = { from: string /** Not to be linked to: it won't stay. */; passing?: true } | { bytes: Uint8Array };

/**
 * Decides the path that each medium has in the written data set, and makes the files once it is certain that all will
 * be written.
 */
export interface MediaPlan {
  /** The sample with the paths it gets; `trouble` names the media that could not be found, and stay as they are. */
  place(sample: Sample): Promise<{ sample: Sample; trouble: string[] }>;
  /** Files planned so far. */
  count(): number;
  load: MediaLoader;
  /** Make the planned files under `folder`; returns how many there are. */
  make(): Promise<number>;
  /** Remove what was rendered on the way. */
  close(): Promise<void>;
}

/**
 * @param scopeOf where a sample's media may be
 * @param folder where the main file is written; nothing is made outside of it
 * @param options `within`: subfolder for images, '' for none; `videosBeside`: what is written holds images alone, so
 * that in mode `inside` videos are linked beside it; `guard`: what may be replaced; `render`: how images are written
 * anew
 */
export function planMedia(
  scopeOf: (sample: Sample) => MediaScope,
  mode: MediaMode,
  folder: string,
  options: {
    within?: string;
    videosBeside?: boolean;
    guard?: OutputGuard | undefined;
    render?: RenderSettings | undefined;
  } = {},
): MediaPlan {
  const { within = 'images', videosBeside = false, guard, render } = options;
  const targets = new Map<string, Content>();
  /** Targets that lie beside what is written although it holds the others. */
  const beside = new Set<string>();
  /** Key of what a target holds, so that one medium is made once and two never share a name. */
  const owners = new Map<string, string>();
  const placed = new Map<string, string>();

  const claim = (wanted: string, owner: string, content: Content): string => {
    let name = wanted;
    for (let n = 0; owners.has(name.toLowerCase()) && owners.get(name.toLowerCase()) !== owner; n++) {
      const mark = createHash('sha256').update(`${owner}\0${n}`).digest('hex').slice(0, 8);
      name = `${wanted.slice(0, wanted.length - extname(wanted).length)}-${mark}${extname(wanted)}`;
    }
    owners.set(name.toLowerCase(), owner);
    targets.set(name, content);
    return name;
  };
  const rendered = render === undefined ? undefined : renderer(folder, render);
  const put = async (scope: MediaScope, ref: MediaRef, base: string, isImage: boolean): Promise<string> => {
    if (mode === 'keep') return scope.found?.(ref.path) ?? ref.path;
    if (isRemote(ref.path) && scope.fetched?.(ref.path) === undefined) return ref.path;
    const isData = /^data:/i.test(ref.path);
    if (isData && mode === 'embed') return ref.path;
    const named = isData
      ? createHash('sha256').update(ref.path).digest('hex')
      : `${scope.embedded}\0${scope.mediaRoot}\0${ref.path}`;
    const key = `${base}\0${named}`;
    const known = placed.get(key);
    if (known !== undefined) return known;
    const media = resolveMedia(scope, ref);
    const anew = isImage ? await rendered?.render(media) : undefined;
    let path: string;
    if (anew !== undefined && mode === 'embed') {
      return dataUriOf(await readFile(anew.path), anew.extension);
    } else if (anew !== undefined) {
      const own =
        media.kind === 'data' ? `${anew.digest.slice(0, 16)}.` : nameInside(scope, ref.path, media.path, base);
      const stem = own.slice(0, own.length - extname(own).length);
      const name = render?.rename === 'content' ? anew.digest.slice(0, 32) : stem;
      path = claim(join(base, `${name}${anew.extension}`), anew.digest, { from: anew.path });
    } else if (media.kind === 'data') {
      const digest = createHash('sha256').update(media.bytes).digest('hex').slice(0, 16);
      const extension = mediaExtension(media.bytes) ?? mediaTypeOfMime(media.mime)?.extensions[0] ?? '.bin';
      path = claim(join(base, `${digest}${extension}`), digest, { bytes: media.bytes });
    } else if (mode === 'embed') {
      return dataUriOf(await readFile(media.path), extname(media.path));
    } else {
      const written = base === '' && isAbsolute(ref.path) && isInside(resolve(ref.path), folder);
      // What lies in the written folder already stays where it is.
      const name = written ? relative(folder, resolve(ref.path)) : nameInside(scope, ref.path, media.path, base);
      path = claim(join(base, name), media.path, {
        from: media.path,
        passing: scope.embedded !== undefined && isInside(media.path, scope.embedded) ? true : undefined,
      });
    }
    if (!isImage && videosBeside) beside.add(path);
    const portable = path.replaceAll('\\', '/');
    placed.set(key, portable);
    return portable;
  };
  const putAll = async (
    scope: MediaScope,
    refs: readonly MediaRef[],
    base: string,
    trouble: string[],
    isImage: boolean,
  ): Promise<MediaRef[]> => {
    const out: MediaRef[] = [];
    for (const ref of refs) {
      try {
        const frames = ref.frames ?? (isImage || mode === 'keep' ? undefined : await framesInside(scope, ref.path));
        if (frames === undefined) out.push({ path: await put(scope, ref, base, isImage) });
        else {
          const placed: string[] = [];
          for (const path of frames) placed.push(await put(scope, { path }, base, isImage));
          out.push(ref.frames === undefined ? { path: dirname(placed[0]!) } : { path: placed[0]!, frames: placed });
        }
      } catch (error) {
        if (!(error instanceof WinnowError)) throw error;
        trouble.push(TROUBLE[error.code] ?? error.code);
        out.push(ref);
      }
    }
    return out;
  };
  return {
    async place(sample) {
      const trouble: string[] = [];
      const scope = scopeOf(sample);
      const { images: pictures, videos: films } = sample.media;
      const images = await putAll(scope, pictures, within, trouble, true);
      const videos = await putAll(scope, films, within === '' ? '' : 'videos', trouble, false);
      return { sample: { ...sample, media: { images, videos } }, trouble };
    },
    count: () => targets.size,
    async load(path) {
      const content = targets.get(path);
      if (content === undefined) return undefined;
      return 'bytes' in content ? content.bytes : readFile(content.from);
    },
    async close() {
      await rendered?.close();
    },
    async make() {
      const files = [...targets].filter(([name]) => mode !== 'inside' || beside.has(name));
      const root = realpathSync.native(folder);
      const wanted: [string, Content][] = [];
      for (const [name, content] of files) {
        const target = join(root, name);
        if ('from' in content && (await isSame(target, content.from))) continue;
        const bytes = 'from' in content ? { file: content.from } : content.bytes;
        if ((await guard?.judge(target, bytes)) !== 'same') wanted.push([target, content]);
      }
      const swept = new Set<string>();
      for (const [target, content] of wanted) {
        if (!swept.has(dirname(target))) sweepTemporary(dirname(target));
        swept.add(dirname(target));
        await withDiskErrors(target, () => makeFile(root, target, content, mode === 'inside' ? 'link' : mode));
      }
      await guard?.noteMedia(wanted.map(([target]) => target));
      return targets.size;
    },
  };
}

/** The files of a folder that stands for a video; undefined where the path leads to no folder, or to an empty one. */
async function framesInside(scope: MediaScope, path: string): Promise<string[] | undefined> {
  if (isRemote(path) || path.startsWith('data:')) return undefined;
  const names = await readdir(resolve(scope.mediaRoot, path)).catch(() => []);
  const frames = names.filter((name) => !name.startsWith('.')).sort();
  return frames.length === 0 ? undefined : frames.map((name) => `${path.replace(/\/$/, '')}/${name}`);
}

const TROUBLE: Record<string, string> = {
  MEDIA_MISSING: 'file that is not there',
  MEDIA_OUTSIDE_ROOT: 'file outside of the media root',
  MEDIA_UNREADABLE: 'image that cannot be decoded',
  MEDIA_DATA_URI: 'data URI that cannot be decoded',
  MEDIA_FETCH_FAILED: 'URL that could not be fetched',
};

/** The medium's path relative to its root, without a leading `images/` that the target folder has already. */
function nameInside(scope: MediaScope, given: string, real: string, base: string): string {
  if (isRemote(given)) return basename(real);
  const asked = resolve(scope.mediaRoot, scope.found?.(given) ?? given);
  const root = resolve(scope.mediaRoot);
  const inside = isInside(asked, root) ? relative(root, asked) : real.split(/[\\/]/).slice(-2).join('/');
  const name = normalize(inside);
  return base !== '' && name.startsWith(`${base}/`) ? name.slice(base.length + 1) : name;
}

async function makeFile(root: string, target: string, content: Content, mode: MediaMode): Promise<void> {
  makeFolder(dirname(target));
  // A link among the target's folders could lead anywhere: what is written must really be below the root.
  if (!isInside(realpathSync.native(dirname(target)), root)) {
    throw new WinnowError({
      code: 'WRITE_OUTSIDE',
      message: `${dirname(target)} leads out of ${root}.`,
      hint: 'Write into a new folder.',
    });
  }
  if ('bytes' in content) return writeFileAtomic(target, content.bytes);
  if (await isSame(target, content.from)) return;
  if (mode === 'link' && content.passing === undefined) {
    // A hard link stays inside its folder, survives a move, and is no door out of the media root; a symbolic one is
    // next best.
    for (const connect of [link, symlink]) {
      const temporary = temporaryName(target);
      try {
        await connect(content.from, temporary);
        await rename(temporary, target);
        await rm(temporary, { force: true });
        return;
      } catch {
        await rm(temporary, { force: true });
      }
    }
  }
  const temporary = temporaryName(target);
  try {
    await copyFile(content.from, temporary, constants.COPYFILE_FICLONE);
    await rename(temporary, target);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** True where the target is already this file: the file itself, a link to it, or a copy of the same size and time. */
async function isSame(target: string, from: string): Promise<boolean> {
  const there = await lstat(target).catch(() => undefined);
  if (there === undefined) return false;
  if (there.isSymbolicLink()) return resolve(dirname(target), await readlink(target)) === from;
  const source = await stat(from);
  return there.ino === source.ino && there.dev === source.dev;
}
