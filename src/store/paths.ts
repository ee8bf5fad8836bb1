/** Absolute paths of a project's rooms. */
export interface ProjectPaths {
  folder: string;
  /** `.winnow` */
  root: string;
  signals: string;
  selections: string;
  indexes: string;
  lineage: string;
  /** Work files, in a folder for each process. */
  temporary: string;
  locks: string;
  /** Media that were fetched, by the hash of their URL. */
  media: string;
  /** Where media were found whose paths lead nowhere. */
  foundMedia: string;
  /** Small pictures that reports show, kept for the next one. */
  pictures: string;
  /** Training runs, a folder each. */
  runs: string;
}
