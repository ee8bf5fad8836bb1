import { existsSync, readFileSync } from 'node:fs';
import type { HelpIndex } from './tree.ts';

/** What `scripts/build-help.mjs` wrote beside the built command line; undefined where it runs from its sources. */
export function readHelpIndex(): HelpIndex | undefined {
  const file = new URL('../help.json', import.meta.url);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as HelpIndex) : undefined;
}
