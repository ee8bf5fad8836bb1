import { LONG_COMMANDS } from './kill/commands.ts';
import { killCommands } from './kill/kill.ts';

// A few kills of what a project is made of; kill.long.test.ts kills every long command, and the worker.
const NAMES = ['import', 'score loss', 'select', 'export'];

killCommands(new Map(LONG_COMMANDS.filter(({ name }) => NAMES.includes(name)).map((command) => [command, 1])), 42);
