import type { CheckGroup } from './check.ts';

/** Every group of checks, one line each. */
export const groups: readonly CheckGroup[] = [];
