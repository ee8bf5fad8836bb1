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
  /** Training runs, a folder each. */
  runs: string;
}
