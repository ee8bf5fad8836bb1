import type { Verb } from '../program.ts';

/** Every verb in the order of `--help`. Only the one that is asked for is loaded, so that a start stays cheap. */
export const VERBS: readonly Verb[] = [
  {
    name: 'demo',
    summary: 'the whole job on generated data with planted faults',
    load: async () => (await import('./demo.ts')).register,
  },
  {
    name: 'init',
    summary: 'make an empty project',
    load: async () => (await import('./init.ts')).register,
  },
  {
    name: 'import',
    summary: 'take a data set into the project',
    load: async () => (await import('./import.ts')).register,
  },
  {
    name: 'merge',
    summary: 'write several data sets as one',
    load: async () => (await import('./merge.ts')).register,
  },
  {
    name: 'split',
    summary: 'divide a data set so that no image is in two parts',
    load: async () => (await import('./split.ts')).register,
  },
  {
    name: 'filter',
    summary: 'write the rows that a condition asks for',
    load: async () => (await import('./filter.ts')).register,
  },
  {
    name: 'convert',
    summary: 'write a data set in another format',
    load: async () => (await import('./convert.ts')).register,
  },
  {
    name: 'doctor',
    summary: 'find what would break a training run, and mend it',
    load: async () => (await import('./doctor.ts')).register,
  },
  {
    name: 'train',
    summary: 'tune a small model, and keep its checkpoints',
    load: async () => (await import('./train.ts')).register,
  },
  {
    name: 'score',
    summary: 'measure a signal of every sample',
    load: async () => (await import('./score.ts')).register,
  },
  {
    name: 'signals',
    summary: 'list what has been measured; take values in, give them out',
    load: async () => (await import('./signals.ts')).register,
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
  {
    name: 'report',
    summary: 'write a page about a selection',
    load: async () => (await import('./report.ts')).register,
  },
  {
    name: 'arena',
    summary: 'compare what every method would choose',
    load: async () => (await import('./arena.ts')).register,
  },
  {
    name: 'status',
    summary: 'say what the project holds',
    load: async () => (await import('./status.ts')).register,
  },
  {
    name: 'show',
    summary: 'show one sample with its images and signals',
    load: async () => (await import('./show.ts')).register,
  },
  {
    name: 'sql',
    summary: 'answer a question about samples and signals',
    load: async () => (await import('./sql.ts')).register,
  },
  {
    name: 'gc',
    summary: 'remove what nothing refers to',
    load: async () => (await import('./gc.ts')).register,
  },
  {
    name: 'models',
    summary: 'find a model and its revision',
    load: async () => (await import('./models.ts')).register,
  },
];
