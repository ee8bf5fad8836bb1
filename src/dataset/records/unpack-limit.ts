import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { WinnowError } from '../../base/errors.ts';

/** Text packs to a tenth, the most repetitive logs to a hundredth; what grows further was made to fill a disk. */
const MOST_RATIO = 200;
/** Below this no ratio is looked at: a small file of zeros harms nobody. */
const HARMLESS = 512e6;
/** Left free for everything else on the disk. */
const SPARE = 256e6;
const ENVIRONMENT = 'WINNOW_UNPACK_LIMIT';

/**
 * Counts what comes out of a packed file, and throws `UNPACKED_TOO_LARGE` where it is more than two hundred times the
 * file (from 512 MB on), or more than the disk has room for. `WINNOW_UNPACK_LIMIT` (`80GB`) is a size to allow in place
 * of the ratio.
 */
export function unpackLimit(packed: string, packedBytes: number, target: string): (bytes: number) => void {
  const allowed = allowedBytes() ?? Math.max(HARMLESS, packedBytes * MOST_RATIO);
  const { bavail, bsize } = statfsSync(dirname(target));
  const room = bavail * bsize - SPARE;
  let total = 0;
  return (bytes) => {
    total += bytes;
    if (total <= Math.min(allowed, room)) return;
    const isFull = total > room;
    throw new WinnowError({
      code: 'UNPACKED_TOO_LARGE',
      message: isFull
        ? `Unpacked, this file of ${inWords(packedBytes)} has more than the ${inWords(Math.max(0, room))} that the disk has to spare.`
        : `Unpacked, this file of ${inWords(packedBytes)} has more than ${inWords(allowed)}.`,
      where: { file: packed },
      hint: isFull
        ? `Free room in ${dirname(target)}.`
        : `If the file is sound, allow more: ${ENVIRONMENT}=${Math.ceil((allowed * 10) / 1e9)}GB.`,
    });
  };
}

function allowedBytes(): number | undefined {
  const given = process.env[ENVIRONMENT];
  if (given === undefined || given === '') return undefined;
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)b?$/i.exec(given.trim()) ?? [];
  if (number !== undefined) return Number(number) * 1000 ** ' kmgt'.indexOf(unit.toLowerCase() || ' ');
  throw new WinnowError({
    code: 'OPTION_INVALID',
    message: `${ENVIRONMENT} is ${JSON.stringify(given)}, which is no size.`,
    hint: `Give a size, such as ${ENVIRONMENT}=80GB.`,
    exitCode: 2,
  });
}

function inWords(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.max(1, Math.round(bytes / 1e6))} MB`;
}
