import { homedir } from 'node:os';
import { join } from 'node:path';

/** The user's folder for what Winnow keeps beside projects, where the system has such things. */
export function userDataFolder(env: NodeJS.ProcessEnv = process.env, platform: string = process.platform): string {
  const home = env.HOME || homedir();
  if (env.XDG_DATA_HOME) return join(env.XDG_DATA_HOME, 'winnow');
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'winnow');
  if (platform === 'win32') return join(env.LOCALAPPDATA || join(home, 'AppData', 'Local'), 'winnow');
  return join(home, '.local', 'share', 'winnow');
}
