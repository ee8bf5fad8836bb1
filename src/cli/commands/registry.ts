// Written by scripts/write-registries.mjs from the files of this folder. Do not edit.
import type { Verb } from '../program.ts';

/** Every verb in the order of `--help`. Only the one that is asked for is loaded, so that a start stays cheap. */
export const VERBS: readonly Verb[] = [
  {
    name: 'import',
    group: 'Data:',
    summary: 'Add a data set to the project',
    load: async () => (await import('./import.ts')).register,
  },
  {
    name: 'doctor',
    group: 'Data:',
    summary: 'Find what would break a training run, and fix it',
    load: async () => (await import('./doctor.ts')).register,
  },
  {
    name: 'convert',
    group: 'Data:',
    summary: 'Write a data set in another format',
    load: async () => (await import('./convert.ts')).register,
  },
  {
    name: 'merge',
    group: 'Data:',
    summary: 'Write several data sets as one',
    load: async () => (await import('./merge.ts')).register,
  },
  {
    name: 'split',
    group: 'Data:',
    summary: 'Split a data set into parts that share no image',
    load: async () => (await import('./split.ts')).register,
  },
  {
    name: 'filter',
    group: 'Data:',
    summary: 'Write the rows that match an SQL condition',
    load: async () => (await import('./filter.ts')).register,
  },
  {
    name: 'score',
    group: 'Measure:',
    summary: 'Measure a signal of every sample',
    load: async () => (await import('./score.ts')).register,
  },
  {
    name: 'signals',
    group: 'Measure:',
    summary: 'List, import and export signals',
    load: async () => (await import('./signals.ts')).register,
  },
  {
    name: 'select',
    group: 'Choose:',
    summary: 'Choose a subset for a budget',
    load: async () => (await import('./select.ts')).register,
  },
  {
    name: 'arena',
    group: 'Choose:',
    summary: 'Compare the choices of all methods at one budget',
    load: async () => (await import('./arena.ts')).register,
  },
  {
    name: 'explain',
    group: 'Choose:',
    summary: 'Explain why a sample was kept or dropped',
    load: async () => (await import('./explain.ts')).register,
  },
  {
    name: 'export',
    group: 'Choose:',
    summary: 'Write a selection as files for a trainer',
    load: async () => (await import('./export.ts')).register,
  },
  {
    name: 'train',
    group: 'Train:',
    summary: 'Fine-tune a small model and keep its checkpoints',
    load: async () => (await import('./train.ts')).register,
  },
  {
    name: 'report',
    group: 'Look:',
    summary: 'Write an HTML page about a selection',
    load: async () => (await import('./report.ts')).register,
  },
  {
    name: 'status',
    group: 'Look:',
    summary: 'Show project contents, or what works on this machine',
    load: async () => (await import('./status.ts')).register,
  },
  {
    name: 'show',
    group: 'Look:',
    summary: 'Show one sample with its images and signals',
    load: async () => (await import('./show.ts')).register,
  },
  {
    name: 'sql',
    group: 'Look:',
    summary: 'Query samples and signals with SQL',
    load: async () => (await import('./sql.ts')).register,
  },
  {
    name: 'demo',
    group: 'Project:',
    summary: 'Run every step on generated data with planted faults',
    load: async () => (await import('./demo.ts')).register,
  },
  {
    name: 'init',
    group: 'Project:',
    summary: 'Create an empty project',
    load: async () => (await import('./init.ts')).register,
  },
  {
    name: 'gc',
    group: 'Project:',
    summary: 'Delete unreferenced files',
    load: async () => (await import('./gc.ts')).register,
  },
  {
    name: 'models',
    group: 'Project:',
    summary: 'List or find models',
    load: async () => (await import('./models.ts')).register,
  },
  {
    name: 'setup',
    group: 'Project:',
    summary: 'Install the Python worker',
    load: async () => (await import('./setup.ts')).register,
  },
  {
    name: 'completion',
    group: 'Project:',
    summary: 'Print a shell completion script',
    load: async () => (await import('./completion.ts')).register,
  },
];
