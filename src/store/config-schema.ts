import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../base/files/atomic.ts';
import { ProjectConfig } from './config.ts';

/**
 * The JSON Schema of `winnow.yaml`, by which editors complete and check it: the text of `schema/winnow.schema.json`.
 */
export function configSchema(): string {
  const { $schema, ...rest } = z.toJSONSchema(ProjectConfig, { io: 'input' });
  const schema = { $schema, title: 'winnow.yaml', description: 'A Winnow project.', ...rest };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

/**
 * Put the schema of this version where the first line of `winnow.yaml` points: beside the data, so that editors need no
 * network.
 */
export async function writeConfigSchema(root: string): Promise<void> {
  const file = join(root, 'winnow.schema.json');
  const schema = configSchema();
  if (!existsSync(file) || readFileSync(file, 'utf8') !== schema) await writeFileAtomic(file, schema);
}
