import { WinnowError } from '../base/errors.ts';

/**
 * Refuse a file of a later Winnow, whose number in `field` this one doesn't know, before it is misread.
 *
 * @throws WinnowError `FILE_NEWER`
 */
export function refuseNewer(content: unknown, field: 'format' | 'version', file: string): void {
  const number = (content as Record<string, unknown> | null)?.[field];
  if (typeof number !== 'number' || number <= 1) return;
  throw new WinnowError({
    code: 'FILE_NEWER',
    message: `This file was written by a newer Winnow (${field} ${number}; this one reads up to 1).`,
    where: { file },
    hint: 'Update Winnow (npm install winnow-vlm@latest). The file is left as it is.',
  });
}
