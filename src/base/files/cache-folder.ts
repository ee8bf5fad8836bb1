import { homedir } from 'node:os';
import { join } from 'node:path';

/** The user's cache folder for downloads. */
export function userCacheFolder(): string {
  if (process.env.WINNOW_CACHE) return process.env.WINNOW_CACHE;
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'winnow');
}
