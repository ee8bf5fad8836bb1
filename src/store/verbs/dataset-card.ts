import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { OutputGuard } from '../../base/files/output-guard.ts';

/** By this line a card is known as one of Winnow's. */
const MARK = '<!-- written by winnow export -->';

export interface CardFacts {
  name: string;
  format: string;
  rows: number;
  /** The files of the export, as absolute paths. */
  files: readonly string[];
  /** @default train */
  split?: string | undefined;
}

/**
 * Write `README.md` beside an export: the card from which Hugging Face `datasets` learns which files are data and of
 * which split, so that it doesn't guess splits from names of folders. A README of somebody else stays as it is. Returns
 * the paths written.
 */
export async function writeCard(folder: string, facts: CardFacts, guard: OutputGuard): Promise<string[]> {
  const path = join(folder, 'README.md');
  if (existsSync(path) && !readFileSync(path, 'utf8').includes(MARK)) return [];
  await guard.write(path, cardText(facts));
  return [path];
}

function cardText({ name, format, rows, files, split = 'train' }: CardFacts): string {
  const shards = files.map((file) => basename(file)).filter((file) => /\.(parquet|tar)$/.test(file));
  const data = format === 'folder' ? ['**'] : shards.length > 0 ? shards : [basename(files[0]!)];
  return [
    '---',
    'configs:',
    '- config_name: default',
    '  data_files:',
    `  - split: ${split}`,
    '    path:',
    ...data.map((file) => `    - ${JSON.stringify(file)}`),
    '---',
    '',
    `# ${name}`,
    '',
    MARK,
    '',
    `${rows} rows in the format ${format}. The lines on top tell Hugging Face \`datasets\` which files are the data.`,
    '',
  ].join('\n');
}
