import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Document, parseDocument } from 'yaml';
import { z } from 'zod';
import { WinnowError } from '../base/errors.ts';
import { writeFileAtomic } from '../base/files/atomic.ts';
import { refuseSpecialFile } from '../base/files/regular-file.ts';
import { refuseNewer } from './format-version.ts';

export const CONFIG_FILE = 'winnow.yaml';

/** One data set of a project. Relative paths start from the project's folder. */
export const DatasetEntry = z.strictObject({
  name: z
    .string()
    .regex(/^[\p{L}\p{N}][\p{L}\p{N}._-]*$/u, 'letters, digits, ".", "_" and "-"')
    .describe('Name of the data set in this project.'),
  path: z.string().min(1).describe('File or folder.'),
  format: z.string().optional().describe('Format name; absent: detected.'),
  images: z
    .string()
    .optional()
    .describe('Media root: the folder that media paths start from. Absent: the folder of the file.'),
  allow: z.array(z.string()).optional().describe('Further folders that links inside the media root may lead to.'),
  foundMedia: z
    .string()
    .optional()
    .describe('File that says where media are whose paths lead nowhere; made by "winnow import --find-media".'),
  options: z.record(z.string(), z.unknown()).optional().describe('Options of the format, such as columns and tags.'),
});
export type DatasetEntry = z.infer<typeof DatasetEntry>;

/** Defaults of the commands; the environment and flags win over them. */
const Defaults = z.strictObject({
  model: z.string().optional().describe('Vision-language model: a folder, a hub id, or micro-vlm.'),
  encoder: z.string().optional().describe('Text encoder: a folder, a hub id, or lexical.'),
  imageEncoder: z.string().optional().describe('Image encoder: a folder, a hub id, or micro-clip.'),
  blind: z.enum(['masked', 'drop', 'remove']).optional().describe('How the image is taken away for the blind pass.'),
  budget: z
    .union([z.string(), z.number()])
    .optional()
    .describe('What to select: a count, "15%", "2M tokens" or "10 gpu-hours".'),
  textOnly: z.enum(['exclude', 'proportional', 'score']).optional().describe('What happens to rows without an image.'),
  seed: z.int().optional().describe('Seed of every random choice.'),
  format: z.string().optional().describe('Format to export to.'),
  media: z.enum(['keep', 'link', 'copy', 'embed']).optional().describe('What export does with images.'),
});

export const ProjectConfig = z.strictObject({
  version: z.literal(1),
  datasets: z.array(DatasetEntry).default([]),
  defaults: Defaults.default({}),
});
export type ProjectConfig = z.infer<typeof ProjectConfig>;

const TEMPLATE = `# yaml-language-server: $schema=.winnow/winnow.schema.json
# A Winnow project. What is measured and selected lies in .winnow/ beside this file.
version: 1

# Data sets; the first is the default one. Paths start from this folder.
datasets: []

# Defaults of the commands, e.g. "budget: 15%"; flags win over them.
defaults: {}
`;

/** The last file that was read: a project asks for its data sets one by one, and thousands take seconds to parse. */
let last: { file: string; text: string; config: ProjectConfig } | undefined;

/** What the file says. Throws `CONFIG_INVALID` with the place of the first fault. */
export function readConfig(folder: string): ProjectConfig {
  const { file, text } = readText(folder);
  if (last?.file !== file || last.text !== text) last = { file, text, config: parseConfig(file, text).config };
  return last.config;
}

function readText(folder: string): { file: string; text: string } {
  const file = join(folder, CONFIG_FILE);
  refuseSpecialFile(file);
  return { file, text: readFileSync(file, 'utf8') };
}

/** The file with its comments, and what it says. */
function parseConfig(file: string, text: string): { document: Document; config: ProjectConfig } {
  const document = parseDocument(text);
  const fault = document.errors[0];
  if (fault !== undefined) throw invalid(file, fault.message.split('\n')[0]!);
  const content = plainOf(document, file);
  refuseNewer(content, 'version', file);
  const parsed = ProjectConfig.safeParse(content ?? {});
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw invalid(file, `${issue.path.join('.') || 'the file'}: ${issue.message}`);
  }
  const names = new Set<string>();
  for (const { name } of parsed.data.datasets) {
    if (names.has(name)) throw invalid(file, `The data set name "${name}" is used twice.`);
    names.add(name);
  }
  return { document, config: parsed.data };
}

/** Aliases of aliases can stand for more than any memory holds: the parser refuses them, in an error of its own. */
function plainOf(document: Document, file: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw invalid(file, `Aliases can't be resolved: ${(error as Error).message.split('\n')[0]}`);
  }
}

/** Make a new project file; one that is there stays. */
export async function createConfig(folder: string): Promise<void> {
  const file = join(folder, CONFIG_FILE);
  if (!existsSync(file)) await writeFileAtomic(file, TEMPLATE);
}

/** Add or replace a data set; comments and order of everything else stay. */
export async function writeDatasetEntry(folder: string, entry: DatasetEntry): Promise<void> {
  const { file, text } = readText(folder);
  const { document, config } = parseConfig(file, text);
  const at = config.datasets.findIndex((dataset) => dataset.name === entry.name);
  const node = document.createNode(JSON.parse(JSON.stringify(entry)));
  if (config.datasets.length === 0) document.setIn(['datasets'], document.createNode([node]));
  else document.setIn(['datasets', at < 0 ? config.datasets.length : at], node);
  await writeFileAtomic(file, document.toString());
}

function invalid(file: string, message: string): WinnowError {
  return new WinnowError({
    code: 'CONFIG_INVALID',
    message,
    where: { file },
    hint: 'Correct the file; the documentation lists its fields.',
    exitCode: 2,
  });
}
