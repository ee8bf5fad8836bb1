import type { CheckGroup } from './check.ts';
import { ids } from './ids.ts';
import { references } from './references.ts';
import { structure } from './structure.ts';

/** Every group of checks, one line each. Fixes are made in this order. */
export const groups: readonly CheckGroup[] = [structure, ids, references];
