import { spawnSync } from 'node:child_process';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

/**
 * One run of a command: seconds from its start to its end, processor time of all threads, and the most memory it held.
 */
export interface Run {
  seconds: number;
  cpu: number;
  peakMiB: number;
}

export interface Summary {
  median: number;
  least: number;
  most: number;
  cpu: number;
  peakMiB: number;
}

/** Told to the child before anything else: say at the end what it used. */
const REPORT =
  'process.on("exit",()=>{const{maxRSS,userCPUTime,systemCPUTime}=process.resourceUsage();process.stderr.write("\\nUSED "+JSON.stringify({cpu:(userCPUTime+systemCPUTime)/1e6,peakMiB:maxRSS/1024})+"\\n")})';

/** A process of its own, which ends by printing JSON. */
export function runProcess(args: readonly string[]): Run & { document: Record<string, unknown> } {
  const began = performance.now();
  const command = ['--import', `data:text/javascript,${encodeURIComponent(REPORT)}`, ...args];
  const child = spawnSync(process.execPath, command, { encoding: 'utf8', maxBuffer: 1 << 30 });
  const seconds = (performance.now() - began) / 1000;
  const used = /\nUSED (.*)\n/.exec(child.stderr)?.[1];
  if (child.status !== 0 || used === undefined) throw new Error(`${args.join(' ')}: ${child.stderr}`);
  return { seconds, ...(JSON.parse(used) as Omit<Run, 'seconds'>), document: JSON.parse(child.stdout) };
}

/** `winnow` from the built code, as a person starts it. */
export function runWinnow(args: readonly string[]): ReturnType<typeof runProcess> {
  return runProcess(['bin/winnow.js', ...args, '--json']);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

export function summarise(runs: readonly Run[]): Summary {
  const seconds = runs.map((run) => run.seconds);
  return {
    median: median(seconds),
    least: Math.min(...seconds),
    most: Math.max(...seconds),
    cpu: median(runs.map((run) => run.cpu)),
    peakMiB: Math.max(...runs.map((run) => run.peakMiB)),
  };
}

export function describe({ median: middle, least, most, cpu, peakMiB }: Summary): string {
  return `${middle.toFixed(2)} s (${least.toFixed(2)} to ${most.toFixed(2)}), processor time ${cpu.toFixed(2)} s, peak ${(peakMiB / 1024).toFixed(2)} GiB`;
}

/** Where and when: every figure is worth what this says. */
export function machine(): { processor: string; cores: number; memoryGiB: number; node: string; load: number } {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
    load: Number(loadavg()[0]!.toFixed(2)),
  };
}
