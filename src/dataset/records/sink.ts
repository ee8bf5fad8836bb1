import type { Finished } from '../../base/files/output-guard.ts';

/** Where a writer's records go. Nothing appears under its final name: that is for the caller to give. */
export interface RecordSink {
  write(record: unknown): Promise<void>;
  /**
   * All records have been given: write what is still held back. The files, the main one first, under temporary names.
   */
  finish(): Promise<Finished[]>;
  /** Delete what was begun and has no other name yet. */
  abort(): Promise<void>;
}

/** How records become the text of one or more files: texts by file, the main one first. */
export interface Joiner {
  /** Names of the files beside the main one. */
  beside?: readonly string[];
  add(record: unknown): string[];
  end(): string[];
}
