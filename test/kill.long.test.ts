import { LONG_COMMANDS, type LongCommand } from './kill/commands.ts';
import { killCommands } from './kill/kill.ts';

/** 40 kills in all, 5 of them in the worker; or of each command as many as `npm run test:kill -- --times 100` says. */
const TIMES = Number(process.env.WINNOW_KILL_TIMES ?? 0);
const SEED = Number(process.env.WINNOW_KILL_SEED ?? 42);
const IN_WORKER = 5;
const OTHERS = LONG_COMMANDS.filter(({ inWorker }) => inWorker !== true);

function times(command: LongCommand): number {
  if (TIMES > 0) return TIMES;
  if (command.inWorker === true) return IN_WORKER;
  const [even, over] = [Math.floor((40 - IN_WORKER) / OTHERS.length), (40 - IN_WORKER) % OTHERS.length];
  return even + (OTHERS.indexOf(command) < over ? 1 : 0);
}

killCommands(new Map(LONG_COMMANDS.map((command) => [command, times(command)])), SEED);
