import type { Verb } from '../program.ts';

/** Every verb in the order of `--help`. Only the one that is asked for is loaded, so that a start stays cheap. */
export const VERBS: readonly Verb[] = [
  {
    name: 'score',
    summary: 'measure a signal of every sample',
    load: async () => (await import('./score.ts')).register,
  },
  {
    name: 'select',
    summary: 'choose the best subset for a budget',
    load: async () => (await import('./select.ts')).register,
  },
  {
    name: 'explain',
    summary: 'say why a sample was kept or dropped',
    load: async () => (await import('./explain.ts')).register,
  },
  {
    name: 'export',
    summary: 'write a selection as files for a trainer',
    load: async () => (await import('./export.ts')).register,
  },
];
