import type { SignalEntry } from '../store/lineage.ts';

/** What a column depends on beside the rows. */
export type ColumnOrigin = Pick<SignalEntry, 'signal' | 'version' | 'revision' | 'params' | 'about'> & {
  /** Its name in the store: `necessity_masked` for `necessity`. */
  column?: string;
};
