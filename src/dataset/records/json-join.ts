import { exactJson } from '../exact-number.ts';
import type { Joiner } from './sink.ts';

/** One record a line. */
export function joinLines(): Joiner {
  return { add: (record) => [`${exactJson(record)}\n`], end: () => [''] };
}

/** One indented array, as Python's `json.dump(rows, indent=1)` prints it. */
export function joinArray(indent: number): Joiner {
  let rows = 0;
  return {
    add: (record) => [`${rows++ === 0 ? '[\n' : ',\n'}${indented(record, indent)}`],
    end: () => [rows === 0 ? '[]\n' : '\n]\n'],
  };
}

function indented(record: unknown, indent: number): string {
  const pad = ' '.repeat(indent);
  return pad + exactJson(record, 'null', indent).replaceAll('\n', `\n${pad}`);
}
