/**
 * How long the command line takes to start: `node scripts/bench.mjs start [--repeats 15]`.
 * `winnow --help` from the built code, beside bare Node in the same turns. Bar: 150 ms.
 */
import { spawnSync } from 'node:child_process';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';

const MOST_MS = 150;
const { values } = parseArgs({ options: { repeats: { type: 'string', default: '15' } } });

function milliseconds(args: readonly string[]): number {
  const began = performance.now();
  const { status } = spawnSync(process.execPath, [...args], { stdio: 'ignore' });
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}`);
  return performance.now() - began;
}

const contestants: Record<string, string[]> = {
  'node -e 0': ['-e', '0'],
  'winnow --help': ['bin/winnow.js', '--help'],
  'winnow score loss --help': ['bin/winnow.js', 'score', 'loss', '--help'],
};
const times: Record<string, number[]> = {};
for (let turn = -1; turn < Number(values.repeats); turn++) {
  for (const [name, args] of Object.entries(contestants)) {
    const ms = milliseconds(args);
    // The first turn fills the compile cache and the disk's.
    if (turn >= 0) times[name] = [...(times[name] ?? []), ms].sort((a, b) => a - b);
  }
}
console.log(
  `${cpus()[0]?.model}, ${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(2)}, node ${process.version}`,
);
for (const [name, sorted] of Object.entries(times)) {
  const median = sorted[Math.floor(sorted.length / 2)]!;
  console.log(
    `${name.padEnd(26)} median ${median.toFixed(0)} ms, ${sorted[0]!.toFixed(0)} to ${sorted.at(-1)!.toFixed(0)} ms`,
  );
}
const help = times['winnow --help']!;
process.exit(help[Math.floor(help.length / 2)]! < MOST_MS ? 0 : 1);
