import { WinnowError } from '../../base/errors.ts';

const UNITS: Record<string, number> = { '': 1, k: 1e3, m: 1e6, g: 1e9 };

/** A number among a format's options, from text such as `500MB` or `10000`. Throws `OPTION_INVALID`. */
export function sizeOption(options: Readonly<Record<string, unknown>>, name: string, otherwise: number): number {
  const given = options[name];
  if (given === undefined) return otherwise;
  const found = /^(\d+(?:\.\d+)?)\s*([kmg]?)b?$/i.exec(String(given));
  const size = found === null ? Number.NaN : Number(found[1]) * UNITS[found[2]!.toLowerCase()]!;
  if (size >= 1) return size;
  throw new WinnowError({
    code: 'OPTION_INVALID',
    message: `Option ${name} is ${JSON.stringify(given)}.`,
    hint: `Give a number, or a size such as ${name}=500MB.`,
    exitCode: 2,
  });
}
