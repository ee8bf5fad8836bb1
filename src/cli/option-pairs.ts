import { WinnowError } from '../base/errors.ts';

/** `key=value` words as an object; values that are JSON are parsed. @throws WinnowError `OPTION_INVALID` */
export function optionPairs(pairs: readonly string[] | undefined): Record<string, unknown> | undefined {
  if (pairs === undefined) return undefined;
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) {
        throw new WinnowError({
          code: 'OPTION_INVALID',
          message: `An option of a format is written key=value, got "${pair}".`,
          hint: 'For example --option dialect=llava-next',
          exitCode: 2,
        });
      }
      return [pair.slice(0, at), parse(pair.slice(at + 1))];
    }),
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
