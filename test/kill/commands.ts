/** A command that is killed: what runs, and what a whole run leaves behind. */
export interface LongCommand {
  name: string;
  /** Arguments of the command line. `data` is the folder with `data.json` and the images. */
  args: (data: string) => string[];
  /** Files below the project whose bytes must be those of an undisturbed run. */
  leaves: RegExp;
  /** It refuses to replace what it has written: run again after it was done, it ends with 2. */
  once?: true;
  /** A Python worker does the work, and is what is killed. */
  inWorker?: true;
}

/** Every command that runs for long, in the order of a project's life: each finds what those above it left. */
export const LONG_COMMANDS: readonly LongCommand[] = [
  { name: 'import', args: (data) => ['import', `${data}/data.json`], leaves: /^winnow\.yaml$|^\.winnow\/indexes\// },
  { name: 'score loss', args: () => ['score', 'loss'], leaves: /^\.winnow\/signals\/loss\// },
  {
    name: 'score text-embedding',
    args: () => ['score', 'text-embedding'],
    leaves: /^\.winnow\/signals\/text-embedding\//,
  },
  {
    name: 'score image-embedding',
    args: () => ['score', 'image-embedding'],
    leaves: /^\.winnow\/signals\/image-embedding\//,
  },
  { name: 'score image-stats', args: () => ['score', 'image-stats'], leaves: /^\.winnow\/signals\/image-stats\// },
  { name: 'score clip-score', args: () => ['score', 'clip-score'], leaves: /^\.winnow\/signals\/clip-score\// },
  { name: 'score visual', args: () => ['score', 'visual'], leaves: /^\.winnow\/signals\/visual\//, inWorker: true },
  { name: 'select', args: () => ['select', 'visnec', '-b', '20%', '--k', '4'], leaves: /^\.winnow\/selections\// },
  {
    name: 'filter',
    args: (data) => [
      'filter',
      "source = 'a'",
      `${data}/data.json`,
      '-o',
      'filtered/rows.jsonl',
      '--media',
      'copy',
      '--force',
    ],
    leaves: /^filtered\//,
  },
  {
    name: 'convert to tar',
    args: (data) => ['convert', `${data}/data.json`, 'packed/rows.tar', '--force', '--lossy'],
    leaves: /^packed\//,
  },
  {
    name: 'convert from tar to Parquet',
    args: () => ['convert', 'packed/rows.tar', 'table/rows.parquet', '--force', '--lossy'],
    leaves: /^table\//,
  },
  {
    name: 'split',
    args: (data) => ['split', `${data}/data.json`, '--parts', 'train=0.8,test=0.2', '-o', 'parts', '--force'],
    leaves: /^parts\//,
  },
  {
    name: 'doctor --fix',
    args: (data) => ['doctor', `${data}/data.json`, '--fix', '-o', 'fixed/data.json'],
    leaves: /^fixed\//,
    once: true,
  },
  { name: 'export', args: () => ['export', '--images', 'copy'], leaves: /^export\// },
  // The page tells when things were measured, so that only its being whole is checked.
  { name: 'report', args: () => ['report'], leaves: /^\.winnow\/(signals|selections)\// },
];
