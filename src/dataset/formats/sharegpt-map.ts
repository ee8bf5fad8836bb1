import type { Role } from '../sample.ts';
import { isObject, type JsonObject } from './build.ts';

/**
 * Which column holds what, and how roles are called: LLaMA-Factory's `columns` and `tags`, with its defaults filled in.
 */
export interface ColumnMap {
  messages: string;
  system: string;
  images: string;
  videos: string;
  /** The two answers of a preference pair. */
  chosen: string;
  rejected: string;
  tags: { role: string; content: string };
  /** Name of a role in the file to the role; in the order in which `tags` are written. */
  roles: Map<string, { role: Role; call?: true }>;
}

const NAMES = {
  user_tag: 'human',
  assistant_tag: 'gpt',
  observation_tag: 'observation',
  function_tag: 'function_call',
  system_tag: 'system',
};
const MESSAGE_NAMES = { ...NAMES, user_tag: 'user', assistant_tag: 'assistant', observation_tag: 'tool' };

const ROLES: Record<keyof typeof NAMES, { role: Role; call?: true }> = {
  user_tag: { role: 'user' },
  assistant_tag: { role: 'assistant' },
  observation_tag: { role: 'tool' },
  function_tag: { role: 'assistant', call: true },
  system_tag: { role: 'system' },
};

/** The map from options; what they leave open follows `style`, or for reading the record itself. */
export function columnMap(options: Readonly<JsonObject>, record: JsonObject): ColumnMap {
  const columns = isObject(options.columns) ? options.columns : {};
  const tags = isObject(options.tags) ? options.tags : {};
  const asMessages = options.style === 'messages' || (!('conversations' in record) && 'messages' in record);
  const text = (value: unknown, otherwise: string): string => (typeof value === 'string' ? value : otherwise);
  const messages = text(columns.messages, asMessages ? 'messages' : 'conversations');
  const turns = record[messages];
  const first: unknown = Array.isArray(turns) ? turns[0] : undefined;
  const openai = isObject(first) ? 'role' in first && !('from' in first) : asMessages;
  const names = openai ? MESSAGE_NAMES : NAMES;
  const roles = new Map<string, { role: Role; call?: true }>();
  for (const key of Object.keys(NAMES) as (keyof typeof NAMES)[]) roles.set(text(tags[key], names[key]), ROLES[key]);
  return {
    messages,
    system: text(columns.system, 'system'),
    images: text(columns.images, 'images' in record || !('image' in record) ? 'images' : 'image'),
    videos: text(columns.videos, 'videos'),
    chosen: text(columns.chosen, 'chosen'),
    rejected: text(columns.rejected, 'rejected'),
    tags: {
      role: text(tags.role_tag, openai ? 'role' : 'from'),
      content: text(tags.content_tag, openai ? 'content' : 'value'),
    },
    roles,
  };
}

/**
 * The entry for `dataset_info.json`. It always carries the complete map: LLaMA-Factory sets every key that a given
 * `columns` or `tags` leaves out to nothing, and then finds no turns or refuses system turns.
 */
export function registryEntry(
  map: ColumnMap,
  fileName: string,
  systemInTurns: boolean,
  written: ReadonlySet<string>,
): JsonObject {
  const isRanking = written.has(map.chosen) && written.has(map.rejected);
  const named = [...map.roles.keys()];
  return {
    file_name: fileName,
    formatting: 'sharegpt',
    ...(isRanking ? { ranking: true } : {}),
    columns: {
      messages: map.messages,
      ...(systemInTurns ? {} : { system: map.system }),
      ...(written.has('tools') ? { tools: 'tools' } : {}),
      ...(isRanking ? { chosen: map.chosen, rejected: map.rejected } : {}),
      images: map.images,
      videos: map.videos,
    },
    tags: {
      role_tag: map.tags.role,
      content_tag: map.tags.content,
      ...Object.fromEntries((Object.keys(NAMES) as (keyof typeof NAMES)[]).map((key, index) => [key, named[index]])),
    },
  };
}
