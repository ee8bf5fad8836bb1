import { realpathSync } from 'node:fs';
import { isAbsolute, resolve, sep } from 'node:path';
import { WinnowError } from '../../base/errors.ts';
import { isRegularFile } from '../../base/files/regular-file.ts';
import type { MediaRef } from '../sample.ts';

/** A medium that may be read: a file inside the media root, or bytes that stood in the data set itself. */
export type ResolvedMedia = { kind: 'file'; path: string } | { kind: 'data'; mime: string; bytes: Buffer };

/** A URL that was fetched: where its bytes are, or why they could not be had. */
export type FetchedMedia = { file: string } | { fault: string };

/** Where media of a data set may be. A `Dataset` fits. */
export interface MediaScope {
  mediaRoot: string;
  allow?: readonly string[];
  /**
   * Folder of the media that stood inside of the data set's own files. They come before files of the same name in the
   * root.
   */
  embedded?: string;
  /** Where a medium was found whose path leads nowhere, relative to the media root. */
  found?: ((path: string) => string | undefined) | undefined;
  /** URLs that were fetched when somebody asked for it. */
  fetched?: (url: string) => FetchedMedia | undefined;
}

/**
 * Where a medium is. Throws `MEDIA_OUTSIDE_ROOT` for a path that leaves the media root (by `..`, as an absolute path,
 * or through a link) unless `allow` names the folder, `MEDIA_REMOTE` for a URL that was not fetched (nothing is,
 * unasked), `MEDIA_FETCH_FAILED`, `MEDIA_MISSING` where there is no file, `MEDIA_DATA_URI` for a data URI that can't be
 * decoded.
 */
export function resolveMedia(scope: MediaScope, ref: MediaRef): ResolvedMedia {
  const { path } = ref;
  if (/^data:/i.test(path)) return decodeDataUri(path);
  if (isRemote(path)) {
    const found = scope.fetched?.(path);
    if (found !== undefined && 'file' in found) return { kind: 'file', path: found.file };
    if (found !== undefined) throw fetchFailed(path, found.fault);
    throw new WinnowError({
      code: 'MEDIA_REMOTE',
      message: `"${path.slice(0, 120)}" is on the network, and nothing is fetched unasked.`,
      hint: 'Import it with --fetch, or download the media and point the data set at the files.',
    });
  }
  if (path.includes('\0')) throw outside(scope, path);
  if (scope.embedded !== undefined) {
    const inside = resolve(scope.embedded, path);
    if (isInside(inside, resolve(scope.embedded)) && isRegularFile(inside)) return { kind: 'file', path: inside };
  }
  const local = scope.found?.(path) ?? (/^file:\/\//i.test(path) ? decodeFileUrl(path) : path);
  const asked = isAbsolute(local) ? resolve(local) : resolve(scope.mediaRoot, local);
  const given = [scope.mediaRoot, ...(scope.allow ?? [])].map((folder) => resolve(folder));
  // Before the disk is asked: outside of the root not even the existence of a file may show.
  if (!given.some((folder) => isInside(asked, folder))) throw outside(scope, path);
  let real: string;
  try {
    real = realpathSync.native(asked);
  } catch {
    throw new WinnowError({
      code: 'MEDIA_MISSING',
      // No folder in the message: it is kept with the signals, which are the same bytes on every machine.
      message: `There is no file "${path}" under the media root.`,
      where: { file: asked },
      hint: 'Check --images, the folder that media paths start from.',
    });
  }
  if (!given.some((folder) => isInside(real, realFolder(folder)))) throw outside(scope, path, real);
  if (!isRegularFile(real)) {
    throw new WinnowError({
      code: 'MEDIA_UNREADABLE',
      message: `"${path}" is no file (a folder, a pipe or a device).`,
      where: { file: asked },
      hint: 'Correct the path, or drop the row.',
    });
  }
  return { kind: 'file', path: real };
}

/** True for what would need the network: `http://`, `https://`, `s3://`, `hf://` ... */
export function isRemote(path: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(path) && !/^file:\/\//i.test(path);
}

const realFolders = new Map<string, string>();

function realFolder(folder: string): string {
  let real = realFolders.get(folder);
  if (real === undefined) {
    try {
      real = realpathSync.native(folder);
    } catch {
      return folder;
    }
    realFolders.set(folder, real);
  }
  return real;
}

/** True for `folder` itself and everything below it. */
export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

function outside(scope: MediaScope, path: string, real?: string): WinnowError {
  return new WinnowError({
    code: 'MEDIA_OUTSIDE_ROOT',
    message: `"${path}" is outside of the media root${real === undefined ? '' : ', through a link'}.`,
    where: { file: real ?? scope.mediaRoot },
    hint:
      real === undefined
        ? 'Name the folder that holds all media with --images.'
        : `If you trust the data, import it with --allow and the folder that it links to, or write that as "allow: [FOLDER]" in winnow.yaml.`,
  });
}

function fetchFailed(path: string, why: string): WinnowError {
  return new WinnowError({
    code: 'MEDIA_FETCH_FAILED',
    message: `"${path.slice(0, 120)}" could not be fetched: ${why}`,
    hint: 'Import again with --fetch to try once more, or drop the row.',
  });
}

function decodeFileUrl(url: string): string {
  try {
    return decodeURIComponent(new URL(url).pathname);
  } catch {
    return url;
  }
}

function decodeDataUri(uri: string): ResolvedMedia {
  const match = /^data:([^;,]*)((?:;[^,]*)?),(.*)$/is.exec(uri);
  if (match === null)
    throw new WinnowError({
      code: 'MEDIA_DATA_URI',
      message: `A data URI can't be decoded: ${uri.slice(0, 40)}...`,
      hint: 'Fix or drop this row.',
    });
  const [, mime, parameters, body] = match as unknown as [string, string, string, string];
  if (/;base64\s*$/i.test(parameters)) {
    const bytes = Buffer.from(body, 'base64');
    if (bytes.length === 0 || /[^A-Za-z0-9+/=_\s-]/.test(body)) {
      throw new WinnowError({
        code: 'MEDIA_DATA_URI',
        message: `A data URI is not base64: ${uri.slice(0, 40)}...`,
        hint: 'Fix or drop this row.',
      });
    }
    return { kind: 'data', mime: mime || 'application/octet-stream', bytes };
  }
  try {
    return { kind: 'data', mime: mime || 'text/plain', bytes: Buffer.from(decodeURIComponent(body)) };
  } catch {
    throw new WinnowError({
      code: 'MEDIA_DATA_URI',
      message: `A data URI can't be decoded: ${uri.slice(0, 40)}...`,
      hint: 'Fix or drop this row.',
    });
  }
}
