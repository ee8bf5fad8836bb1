import type { Cost } from '../../experiment/arena/cost.ts';
import type { ArenaMethod, ArenaResult } from '../../experiment/arena/result.ts';
import { csv } from '../csv.ts';

type Line = Record<string, string | number | undefined>;

/**
 * The arena as a table: a line a method, random subsets and methods that could not run included. Of each quantity its
 * value, and of random subsets mean and 95 % range; shares from 0 to 1. `overlap:X` and `chance:X` are Jaccard and
 * overlap over chance with X.
 */
export function arenaCsv(result: ArenaResult): string {
  const { quantities, methods, random, missing, failed, compositions } = result;
  const lines: Line[] = [
    ...methods.map((method, m) => ({
      id: method.id,
      status: method.reused ? 'reused' : 'ran',
      title: method.title,
      requested: method.requested,
      kept: method.kept,
      tokens: method.tokens,
      seconds: method.cost.seconds,
      megabytes: method.cost.bytes / 1e6,
      ...passColumns(method.cost.measuring),
      distance: method.distance.value,
      distance_random_lo: method.distance.lo,
      distance_random_hi: method.distance.hi,
      p: method.distance.p,
      p_holm: method.distance.adjusted,
      alone_picked: method.uniquePicks.picked,
      alone_dropped: method.uniquePicks.dropped,
      ...columns(quantities, ({ name }, q) => {
        const { value, random: drawn, lo, hi } = method.quantities[q]!;
        return { [name]: value, [`${name}:random`]: drawn, [`${name}:lo`]: lo, [`${name}:hi`]: hi };
      }),
      ...columns(compositions, ({ name, labels }) =>
        columns(labels, (label, g) => ({ [`share/${name}/${label}`]: method.shares[name]![g]! })),
      ),
      ...overlapColumns(result, m),
      note: [method.shortfall?.because, ...sourceWords(method), ...method.notes]
        .filter((note) => note !== undefined)
        .join('; '),
    })),
    ...random.map((one, r) => ({
      id: one.id,
      status: 'random',
      title: one.title,
      requested: result.requested,
      kept: one.kept,
      tokens: one.tokens,
      ...columns(quantities, ({ name }, q) => {
        const { mean, lo, hi } = one.quantities[q]!;
        return { [name]: mean, [`${name}:random`]: mean, [`${name}:lo`]: lo, [`${name}:hi`]: hi };
      }),
      ...overlapColumns(result, methods.length + r),
      note: `mean of ${one.seeds} seeds`,
    })),
    ...missing.map((one) => ({
      id: one.id,
      status: 'missing',
      title: one.title,
      ...passColumns(one.cost),
      note: missingWords(one),
    })),
    ...failed.map(({ id, title, error }) => ({ id, status: 'failed', title, note: error.message })),
  ];
  const names = new Set(lines.flatMap((line) => Object.keys(line)));
  // The remark is the last column of every line.
  names.delete('note');
  if (result.cost === undefined) names.delete('tokens');
  const head = [...names, 'note'];
  return `${csv(
    head,
    lines.map((line) => head.map((name) => line[name])),
  )}\r\n`;
}

function passColumns({ forward, backward, encoder, gpuHours }: Cost): Line {
  return { forward_passes: forward, backward_passes: backward, encoder_passes: encoder, gpu_hours: gpuHours };
}

function overlapColumns({ overlap }: ArenaResult, at: number): Line {
  return columns(overlap.names, (name, other) => ({
    [`overlap:${name}`]: overlap.jaccard[at]![other]!,
    [`chance:${name}`]: overlap.ratio[at]![other]!,
  }));
}

/** One record of the records of all. */
function columns<T>(all: readonly T[], of: (one: T, at: number) => Line): Line {
  return Object.assign({}, ...all.map(of)) as Line;
}

/** What sources with a rule gave: `web: 12 (at least 10)`. */
export function sourceWords({ sources }: Pick<ArenaMethod, 'sources'>): string[] {
  return sources.map(({ source, least, most, kept }) => {
    const exact = least === most ? [`exactly ${least}`] : [];
    const bounds = [...(least > 0 ? [`at least ${least}`] : []), ...(most === null ? [] : [`at most ${most}`])];
    return `${source}: ${kept} (${(exact.length > 0 ? exact : bounds).join(', ')})`;
  });
}

/** What a method lacks, in words: columns by the command that measures them. */
export function missingWords({ missing, needsReference }: ArenaResult['missing'][number]): string {
  const byCommand = new Map<string, string[]>();
  for (const { column, of, because, rows, command } of missing) {
    const where = of === 'reference' ? ' of the reference' : '';
    const name = `${column}${where}${because === 'incomplete' ? ` (missing for ${rows} rows)` : ''}`;
    const how = command ?? 'winnow signals import';
    byCommand.set(how, [...(byCommand.get(how) ?? []), name]);
  }
  const lacking = [...byCommand].map(([command, names]) => `${names.join(', ')}: ${command}`);
  const target = needsReference ? ['a data set that stands for the target: --reference NAME'] : [];
  return [...lacking, ...target].join('; ');
}

/**
 * The command that measures everything that methods lack and that can be measured here; undefined where that is
 * nothing.
 */
export function commandForAll(missing: ArenaResult['missing'], reference?: string): string | undefined {
  const commands = missing.flatMap((one) => one.missing.flatMap(({ command }) => command ?? []));
  if (commands.length === 0) return undefined;
  const target = reference === undefined ? '' : ` --reference ${reference}`;
  // The run with the most checkpoints serves all; its training is named where it isn't there.
  const runs = commands.flatMap((command) => /--(?:checkpoints|model) (proxy\S*)/.exec(command)?.[1] ?? []).sort();
  const run = runs.at(-1);
  if (run === undefined) return `winnow score all${target}`;
  const training = commands.find((command) => command.startsWith('winnow train') && command.includes(` ${run}`));
  const first = training === undefined ? '' : `${training.slice(0, training.indexOf(' && '))} && `;
  return `${first}winnow score all --checkpoints ${run}${target}`;
}

/** What `winnow signals import` beside a column means. */
export const IMPORT_WORDS =
  'What is measured elsewhere (by a teacher, a tuned scorer, another encoder) comes in with: winnow signals import FILE --as NAME';
