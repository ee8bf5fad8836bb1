// Loaded into the command line before anything else (`node --import`): counts the steps in which it changes the disk,
// and kills the process (SIGKILL, as the system would) just before step KILL_AT. With KILL_COUNT it writes the number
// of steps of a whole run into that file.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const at = Number(process.env.KILL_AT ?? 0);
let steps = 0;

function step() {
  steps += 1;
  if (steps === at) process.kill(process.pid, 'SIGKILL');
}

function watch(object, names) {
  for (const name of names) {
    const original = object[name];
    object[name] = function watched(...args) {
      step();
      return original.apply(this, args);
    };
  }
}

const handle = await fs.promises.open(new URL(import.meta.url), 'r');
watch(Object.getPrototypeOf(handle), ['writeFile', 'appendFile', 'write', 'sync']);
await handle.close();
watch(fs.promises, ['open', 'rename', 'writeFile', 'mkdir', 'rm', 'rmdir', 'link', 'symlink', 'copyFile']);
watch(fs, ['mkdirSync', 'rmSync', 'renameSync', 'writeFileSync']);
syncBuiltinESMExports();

const count = process.env.KILL_COUNT;
const write = fs.writeFileSync;
if (count !== undefined) process.on('exit', () => write(count, String(steps)));
