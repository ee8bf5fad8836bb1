import { alignColumns } from '../align-columns.ts';
import type { SystemStatus } from './collect.ts';

/** The state of the machine for a terminal: what works, and the command for what doesn't. */
export function systemText({ parts, memory, processors, disk }: SystemStatus, width: number): string {
  const rows = parts.map(({ name, works, detail, command }) => [
    name,
    works ? 'works' : command === undefined ? 'none' : 'missing',
    detail,
  ]);
  const lacks = parts.filter(({ command }) => command !== undefined);
  return [
    ...alignColumns(rows, { width, right: () => false }),
    `Memory: ${gigabytes(memory.totalBytes)}, ${gigabytes(memory.freeBytes)} free; ${processors} processors`,
    ...disk.map(({ folder, freeBytes }) => `Disk: ${gigabytes(freeBytes)} free in ${folder}`),
    ...lacks.map(({ name, neededFor, command }) => `${name} is needed for ${neededFor}: ${command}`),
  ].join('\n');
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
