import { WinnowError } from '../errors.ts';

/** What the system says when a file can't be written: code, message, what to do. */
const FAULTS: readonly { system: RegExp; code: string; message: string; hint: string }[] = [
  {
    system: /\b(ENOSPC|EDQUOT)\b|no space left|quota exceeded/i,
    code: 'DISK_FULL',
    message: 'There is no space left on the disk.',
    hint: 'Free some space and run the same command again: what is finished stays, and only the rest is done.',
  },
  {
    system: /\bEFBIG\b|file too large/i,
    code: 'FILE_SIZE_LIMIT',
    message: 'The file would be larger than this system allows.',
    hint: 'Raise the limit (ulimit -f) or use another disk, and run the same command again: what is finished stays.',
  },
  {
    system: /\bEROFS\b|read-only file system/i,
    code: 'NOT_WRITABLE',
    message: 'The file system is read-only.',
    hint: 'Mount it writable, or work on a copy of the project in a folder that can be written.',
  },
  {
    system: /\b(EACCES|EPERM)\b|permission denied|operation not permitted/i,
    code: 'NOT_WRITABLE',
    message: 'This folder or file may not be written.',
    hint: 'Check who owns it and its permissions, or work on a copy of the project in a folder of your own.',
  },
];

/** The error for people where writing `file` failed for want of space or rights; any other error as it is. */
export function diskError(error: unknown, file: string): unknown {
  if (error instanceof WinnowError || !(error instanceof Error)) return error;
  const told = `${(error as NodeJS.ErrnoException).code ?? ''} ${error.message}`;
  const fault = FAULTS.find(({ system }) => system.test(told));
  if (fault === undefined) return error;
  const { code, message, hint } = fault;
  return new WinnowError({ code, message, where: { file }, hint, cause: error });
}

/** Do something that writes `file`, with faults of the disk in words. */
export async function withDiskErrors<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw diskError(error, file);
  }
}
