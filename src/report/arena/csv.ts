import type { ArenaResult } from '../../experiment/arena/result.ts';
import { csv } from '../csv.ts';

type Cell = string | number | null | undefined;

/**
 * The arena as a table: one line a method, random subsets and methods that could not run included. Of each quantity its value, and of random subsets
 * mean and 95 % range; shares from 0 to 1. `overlap:X` and `chance:X` are Jaccard and overlap over chance with X.
 */
export function arenaCsv(result: ArenaResult): string {
  const { quantities, methods, random, overlap, missing, failed, compositions } = result;
  const head = [
    ...['id', 'status', 'title', 'requested', 'kept', 'seconds', 'megabytes', 'forward', 'backward', 'gpu_hours'],
    ...['distance', 'distance_random_lo', 'distance_random_hi', 'p', 'p_holm', 'alone_picked', 'alone_dropped'],
    ...quantities.flatMap(({ name }) => [name, `${name}:random`, `${name}:lo`, `${name}:hi`]),
    ...compositions.flatMap(({ name, labels }) => labels.map((label) => `share/${name}/${label}`)),
    ...overlap.names.flatMap((name) => [`overlap:${name}`, `chance:${name}`]),
    'note',
  ];
  const pairs = (at: number): Cell[] =>
    overlap.names.flatMap((_, other) => [overlap.jaccard[at]![other], overlap.ratio[at]![other]]);
  const blank = (count: number): Cell[] => new Array<Cell>(count).fill(null);
  const lines: Cell[][] = [
    ...methods.map((method, m) => [
      ...[method.id, method.reused ? 'reused' : 'ran', method.title, method.requested, method.kept],
      ...[method.cost.seconds, method.cost.bytes / 1e6, method.cost.measuring.forward, method.cost.measuring.backward],
      ...[method.cost.measuring.gpuHours, method.distance.value, method.distance.lo, method.distance.hi],
      ...[method.distance.p, method.distance.adjusted, method.alone.picked, method.alone.dropped],
      ...method.quantities.flatMap(({ value, random: drawn, lo, hi }) => [value, drawn, lo, hi]),
      ...compositions.flatMap(({ name }) => method.shares[name]!),
      ...pairs(m),
      [method.shortfall?.because, ...method.notes].filter((note) => note !== undefined).join('; '),
    ]),
    ...random.map((one, r) => [
      ...[one.id, 'random', one.title, result.requested, one.kept, ...blank(12)],
      ...one.quantities.flatMap(({ mean, lo, hi }) => [mean, mean, lo, hi]),
      ...compositions.flatMap(({ labels, random: shares }) =>
        one.id === 'random' ? shares.map(({ mean }) => mean) : blank(labels.length),
      ),
      ...pairs(methods.length + r),
      `mean of ${one.seeds} seeds`,
    ]),
    ...missing.map((one) => [
      ...[one.id, 'missing', one.title, ...blank(4), one.cost.forward, one.cost.backward, one.cost.gpuHours],
      ...blank(head.length - 11),
      missingWords(one),
    ]),
    ...failed.map((one) => [one.id, 'failed', one.title, ...blank(head.length - 4), one.error.message]),
  ];
  return `${csv(head, lines)}\r\n`;
}

/** What a method lacks, in words. */
export function missingWords({ missing, needsReference }: ArenaResult['missing'][number]): string {
  const columns = missing.map(({ column, of, because, command }) => {
    const where = of === 'reference' ? ' of the reference' : '';
    const how = command === undefined ? '; import it' : `: ${command}`;
    return `${column}${where}${because === 'incomplete' ? ' (incomplete)' : ''}${how}`;
  });
  return [...columns, ...(needsReference ? ['a data set that stands for the target: --reference NAME'] : [])].join(
    '; ',
  );
}
