import fs from 'node:fs';
import path from 'node:path';

/** Seconds that each test file took when it last ran on this machine, by its path in the repository. */
export function readTimes(root) {
  try {
    return JSON.parse(fs.readFileSync(fileOf(root), 'utf8'));
  } catch {
    return {};
  }
}

/** Takes over what a run has measured. */
export function writeTimes(root, times) {
  fs.writeFileSync(fileOf(root), `${JSON.stringify({ ...readTimes(root), ...times }, null, 1)}\n`);
}

function fileOf(root) {
  return path.join(root, '.setup', 'test-times.json');
}
