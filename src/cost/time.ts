import { formatDuration, plural } from '../base/phrases.ts';

/** The time that work will take, between two bounds, and what they rest on. */
export interface TimeEstimate {
  /** Seconds. */
  low: number;
  high: number;
  /** `measured`: by earlier runs of this project. */
  basis: 'measured' | 'assumed';
  /** That run, or the assumptions, in words. */
  because: string;
}

/** Work that was done before: rows and passes over each, multiplied, and the seconds that took. */
export interface EarlierRun {
  rows: number;
  /** Forward passes a row, a backward pass as two. */
  passes: number;
  seconds: number;
}

/** Work to be done. */
export interface Work {
  rows: number;
  passes: number;
}

/** Other load, longer rows, a slower disk: how far off a rate that was measured may be. */
const SPREAD = { low: 0.75, high: 1.5 };
/** A shorter run is mostly the loading of its model. */
const SHORT_SECONDS = 30;

/**
 * From the rates of earlier runs of the same work: of those with at least half the work of the largest, the fastest and
 * the slowest. Undefined where there are none.
 */
export function measuredTime({ rows, passes }: Work, earlier: readonly EarlierRun[]): TimeEstimate | undefined {
  const amount = (run: Work): number => run.rows * run.passes;
  const sound = earlier.filter((run) => amount(run) > 0 && run.seconds > 0);
  const most = sound.reduce((max, run) => Math.max(max, amount(run)), 0);
  if (most === 0) return undefined;
  const runs = sound.filter((run) => amount(run) >= most / 2);
  const seconds = runs.map((run) => (rows * passes * run.seconds) / amount(run));
  const latest = runs.at(-1)!;
  const isShort = latest.seconds < SHORT_SECONDS && rows > latest.rows;
  return {
    low: digits(Math.min(...seconds) * (isShort ? SPREAD.low / 3 : SPREAD.low), 3),
    high: digits(Math.max(...seconds) * SPREAD.high, 3),
    basis: 'measured',
    because: `measured: ${plural(latest.rows, 'row')} took ${formatDuration(latest.seconds)} in this project${isShort ? ', the loading of the model counted' : ''}`,
  };
}

/** A device of which nothing was measured: operations a second that a model may reach, and the overhead of a row. */
const DEVICES = {
  /** A core of a processor, 5 to 40 GFLOP/s. */
  processor: { low: 5e9, high: 40e9, overhead: { low: 0.002, high: 0.02 } },
  /** One GPU, 20 to 200 TFLOP/s: rows of a few hundred tokens fill none. */
  gpu: { low: 20e12, high: 200e12, overhead: { low: 0.002, high: 0.05 } },
} as const;

/** A model that reads rows. */
export interface ModelWork extends Work {
  /** Parameters of the model, 0 where none is asked. */
  parameters: number;
  /** Tokens of a row. */
  tokens: number;
  device: keyof typeof DEVICES;
  /** Cores that work together, where the device is a processor. */
  cores: number;
}

/** From the size of the model: 2 operations a parameter and token in a forward pass. */
export function assumedTime({ rows, passes, parameters, tokens, device, cores }: ModelWork): TimeEstimate {
  const { low, high, overhead } = DEVICES[device];
  const units = device === 'gpu' ? 1 : cores;
  const operations = 2 * parameters * tokens * passes * rows;
  const speed = device === 'gpu' ? 'one GPU at 20 to 200 TFLOP/s' : `${plural(cores, 'core')} at 5 to 40 GFLOP/s each`;
  const size = parameters === 0 ? 'no model' : `${millions(parameters)} parameters, ${Math.round(tokens)} tokens a row`;
  const each = `${overhead.low * 1000} to ${overhead.high * 1000} ms a row beside it`;
  return {
    low: digits(operations / (high * units) + overhead.low * rows, 3),
    high: digits(operations / (low * units) + overhead.high * rows, 3),
    basis: 'assumed',
    because: `assumed: ${size}, ${passes === 1 ? '1 pass' : `${digits(passes, 3)} passes`}, ${speed}, ${each}`,
  };
}

/** Prompt tokens a second of a server whose rate is not known, and the seconds of a request with others in flight. */
const SERVER = { tokens: { low: 1000, high: 20_000 }, request: { low: 0.005, high: 0.1 } };

/** From the requests that a server would get. */
export function assumedServerTime({
  requests,
  promptTokens,
}: {
  requests: number;
  promptTokens: number;
}): TimeEstimate {
  return {
    low: promptTokens / SERVER.tokens.high + requests * SERVER.request.low,
    high: promptTokens / SERVER.tokens.low + requests * SERVER.request.high,
    basis: 'assumed',
    because: 'assumed: a server that reads 1,000 to 20,000 prompt tokens a second, 5 to 100 ms a request',
  };
}

/** Seconds of a method and 10,000 rows, from a ranking to a greedy cover, and of the checks of a row with its image. */
const ARENA = { method: { low: 0.05, high: 20 }, check: { low: 0.001, high: 0.02 } };

/** From the number of methods that would choose, where no arena was held on the data set. */
export function assumedArenaTime(rows: number, methods: number, doctor: boolean): TimeEstimate {
  const check = doctor ? rows : 0;
  return {
    low: 1 + (methods * ARENA.method.low * rows) / 10_000 + check * ARENA.check.low,
    high: 5 + (methods * ARENA.method.high * rows) / 10_000 + check * ARENA.check.high,
    basis: 'assumed',
    because: `assumed: 0.05 to 20 s a method and 10,000 rows${doctor ? ', and 1 to 20 ms a row for the checks of the doctor' : ''}`,
  };
}

/** The time of work that is there already. */
export const NOTHING: TimeEstimate = { low: 0, high: 0, basis: 'measured', because: 'everything is there already' };

/** One after the other. */
export function sumTimes(times: readonly TimeEstimate[]): TimeEstimate {
  const basis = times.every((time) => time.basis === 'measured') ? 'measured' : 'assumed';
  const parts = times.filter(({ high }) => high > 0);
  const longest = parts.reduce((most, time) => (time.high > most.high ? time : most), parts[0] ?? NOTHING);
  return {
    low: times.reduce((sum, { low }) => sum + low, 0),
    high: times.reduce((sum, { high }) => sum + high, 0),
    basis,
    because: parts.length < 2 ? longest.because : `the longest of ${parts.length} parts is ${longest.because}`,
  };
}

/** Sharing passes: no shorter than the longest, no longer than one after the other. */
export function sharedTime(times: readonly TimeEstimate[]): TimeEstimate {
  return { ...sumTimes(times), low: Math.max(0, ...times.map(({ low }) => low)) };
}

/** `Time: 2 to 5 min (measured: 500 rows took 12 s in this project).` */
export function timeText({ low, high, because }: TimeEstimate): string {
  if (high === 0) return `Time: none, ${because}.`;
  const [from, to] = [low, high].map(round);
  return `Time: ${from === to ? `about ${to}` : `${from} to ${to}`} (${because}).`;
}

const UNITS = [
  ['s', 1, 100],
  ['min', 60, 5400],
  ['h', 3600, 172_800],
  ['days', 86_400, Number.POSITIVE_INFINITY],
] as const;

/** Two digits are as many as an estimate has: `40 s`, `4 min`, `2.5 h`. */
function round(seconds: number): string {
  if (seconds < 1) return 'under 1 s';
  const [unit, size] = UNITS.find(([, , most]) => seconds < most)!;
  return `${digits(seconds / size, 2)} ${unit}`;
}

function millions(parameters: number): string {
  return parameters >= 1e9 ? `${digits(parameters / 1e9, 2)} billion` : `${digits(parameters / 1e6, 2)} million`;
}

/** Rounded to so many digits. */
function digits(value: number, count: number): number {
  return Number(value.toPrecision(count));
}
