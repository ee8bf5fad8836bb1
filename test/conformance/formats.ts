import type { FolderCheck } from './check.ts';
import { conformFormats } from './formats-round-trips.ts';

/** Readers and writers against the files of each format, all made from one `neutral.jsonl`. */
export const formatsCheck: FolderCheck = {
  folder: 'formats',
  async runAll(path) {
    const checks = await conformFormats(path);
    return new Map(
      checks.map(({ file, status, detail = '' }) => [
        file,
        status === 'ok' ? {} : status === 'fail' ? { difference: detail } : { skip: detail },
      ]),
    );
  },
};
