import { closeSync, futimesSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { sha256 } from '../canonical.ts';
import { mediaExtension } from '../media/media-type.ts';

/** Takes the media that stood inside of a container, and gives each the path by which samples know it. */
export interface EmbeddedMedia {
  /**
   * Store bytes once. A plain relative name is kept where no other content has it; else the path is made of the
   * content's hash.
   *
   * @param wanted the name that the container has for it
   */
  put(bytes: Uint8Array, wanted?: string | null): string;
}

/**
 * Media as files in `folder`. A file's time is made from its content, so that media unpacked anew are the same media,
 * and what was measured on them stays valid.
 */
export function storeEmbedded(folder: string): EmbeddedMedia {
  /** Lower-case path to the content's hash: some file systems don't tell cases apart. */
  const owners = new Map<string, string>();
  return {
    put(bytes, wanted) {
      const digest = Buffer.from(sha256(bytes));
      const hash = digest.toString('hex').slice(0, 16);
      const plain = isPlainName(wanted) ? wanted : undefined;
      const extension = mediaExtension(bytes) ?? (extname(wanted ?? '') || '.bin');
      for (const path of [plain, plain === undefined ? undefined : marked(plain, hash), `${hash}${extension}`]) {
        if (path === undefined) continue;
        const owner = owners.get(path.toLowerCase());
        if (owner === hash) return path;
        if (owner !== undefined || !writeNew(join(folder, path), bytes, digest.readUInt32BE())) continue;
        owners.set(path.toLowerCase(), hash);
        return path;
      }
      throw new Error(`no free name for ${hash}${extension}`);
    },
  };
}

/** A relative path of ordinary segments with an ending: it can't lead anywhere else and every file system takes it. */
function isPlainName(name: string | null | undefined): name is string {
  if (!name || name.length > 200 || !/\.[A-Za-z0-9]{1,5}$/.test(name)) return false;
  return name.split('/').every((part) => /^[^\\:*?"<>|\p{Cc}]+$/u.test(part) && !/^\.|^\s|[\s.]$/.test(part));
}

function marked(name: string, hash: string): string {
  const extension = extname(name);
  return `${name.slice(0, name.length - extension.length)}-${hash.slice(0, 8)}${extension}`;
}

/** False where a file can't be made there, as a folder of one name and a file of another would be the same path. */
function writeNew(path: string, bytes: Uint8Array, seconds: number): boolean {
  let file: number;
  try {
    mkdirSync(dirname(path), { recursive: true });
    file = openSync(path, 'wx');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' || code === 'ENOTDIR' || code === 'EISDIR' || code === 'ENAMETOOLONG') return false;
    throw error;
  }
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
    futimesSync(file, seconds >>> 1, seconds >>> 1);
  } finally {
    closeSync(file);
  }
  return true;
}
