/** Where a writer's records go. Nothing appears under its final name before `commit`. */
export interface RecordSink {
  write(record: unknown): Promise<void>;
  /** All records have been given: write what is still held back. */
  finish(): Promise<void>;
  /** Let the files appear, the main one last. Their absolute paths, the main one first. */
  commit(): Promise<string[]>;
  /** Delete what was begun; harmless after `commit`. */
  abort(): Promise<void>;
}

/** How records become the text of one or more files: texts by file, the main one first. */
export interface Joiner {
  /** Names of the files beside the main one. */
  beside?: readonly string[];
  add(record: unknown): string[];
  end(): string[];
}
