import { WinnowError } from '../base/errors.ts';

/** The whole number that an option was given. @throws WinnowError `OPTION_INVALID` naming the option and what it got */
export function wholeNumber(option: string, given: string, least: number, most: number): number {
  if (/^[+-]?\d+$/.test(given) && Number(given) >= least && Number(given) <= most) return Number(given);
  throw new WinnowError({
    code: 'OPTION_INVALID',
    message: `${option} takes a whole number from ${least} to ${most}, got "${given}".`,
    hint: `Give for example ${option} ${Math.max(least, Math.min(42, most))}.`,
    exitCode: 2,
  });
}

/** The number above 0 that an option was given. @throws WinnowError `OPTION_INVALID` */
export function positiveNumber(option: string, given: string): number {
  const number = Number(given);
  if (given.trim() !== '' && Number.isFinite(number) && number > 0) return number;
  throw new WinnowError({
    code: 'OPTION_INVALID',
    message: `${option} takes a number above 0, got "${given}".`,
    hint: `Give for example ${option} 7.`,
    exitCode: 2,
  });
}
