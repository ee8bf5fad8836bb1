import type { SignalEntry } from '../../store/lineage.ts';

/** What a column depends on beside the rows. */
export type ColumnOrigin = Pick<SignalEntry, 'signal' | 'version' | 'revision' | 'params' | 'about'> & {
  /** Its name in the store: `necessity_masked` for `necessity`. */
  column?: string;
};

/**
 * What was said of columns that were imported: whoever reads the result must know that they are a teacher's ratings,
 * say.
 */
export function importNotes(from: Readonly<Record<string, ColumnOrigin>>): string[] {
  return Object.entries(from).flatMap(([column, { about }]) => {
    const imported = about.imported as { note: string | null } | undefined;
    if (imported === undefined) return [];
    return [`Column ${column} was imported${imported.note === null ? '' : `: ${imported.note}`}.`];
  });
}
