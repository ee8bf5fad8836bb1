import type { Dataset } from '../../dataset/dataset.ts';
import { isFreeEmbedding } from '../../select/inputs/free-embedding.ts';
import { storedName } from '../../select/inputs/read-inputs.ts';
import { scoreIdentity } from '../../select/inputs/score-columns.ts';
import { commandIn } from '../../signals/engine/column-providers.ts';
import type { Project } from '../../store/project.ts';
import { rowsOf } from '../../store/shard-plan.ts';
import { type StoredSignal, storedSignals } from '../../store/signals.ts';
import { type Contestant, needsOf, referenceNeedsOf } from './contestant.ts';

/** A column that a method needs and the project doesn't have. */
export interface MissingColumn {
  column: string;
  /** `pool`: of the data set; `reference`: of the second one. */
  of: 'pool' | 'reference';
  because: 'not measured' | 'incomplete';
  /** Rows that have no value of it. */
  rows: number;
  /** What measures it; absent where nothing here does, so that it has to be imported. */
  command?: string;
}

/** What a method can work with. */
export interface Readiness {
  missing: MissingColumn[];
  /** It compares with a second data set, and none was named. */
  needsReference: boolean;
  /** Files of the columns it reads, and scores it reads of selections and methods: what its choice depends on. */
  shards: string[];
}

/** Whether columns are there; one lookup serves all methods. */
export interface ColumnAvailability {
  project: Project;
  dataset: Dataset;
  /** Files of a column, or why it isn't there. */
  find(column: string): Promise<{ files: string } | Pick<MissingColumn, 'because' | 'rows'>>;
}

/** @param free treat what costs nothing as there, because it will be measured first */
export async function openAvailability(
  project: Project,
  dataset: Dataset,
  blind: string | undefined,
  free: boolean,
): Promise<ColumnAvailability> {
  const stored = await storedSignals(project, dataset);
  const found = new Map<string, ReturnType<ColumnAvailability['find']>>();
  const look = async (column: string): ReturnType<ColumnAvailability['find']> => {
    if (free && (await isFreeEmbedding(project, dataset, column))) return { files: 'free' };
    const name = storedName(stored, column, blind);
    const signal = stored.find((one) => holds(one, name));
    if (signal === undefined) return { because: 'not measured', rows: dataset.rows };
    const missing = signal.shards.filter((shard) => !shard.done);
    if (missing.length > 0) return { because: 'incomplete', rows: rowsOf(missing) };
    return { files: signal.entry.shards.map(({ file }) => file).join(' ') };
  };
  return {
    project,
    dataset,
    find(column) {
      const known = found.get(column) ?? look(column);
      found.set(column, known);
      return known;
    },
  };
}

/** As columns are looked up by name: `column`, or `signal.column` where two signals have one. */
function holds({ entry }: StoredSignal, name: string): boolean {
  return entry.columns.some((column) => column.name === name || `${entry.signal}.${column.name}` === name);
}

/** What of a method's needs is there. @param reference absent: none was named */
export async function readinessOf(
  contestant: Contestant,
  pool: ColumnAvailability,
  reference?: ColumnAvailability,
): Promise<Readiness> {
  const ofReference = referenceNeedsOf(contestant);
  const readiness: Readiness = {
    missing: [],
    needsReference: ofReference !== undefined && reference === undefined,
    shards: [],
  };
  const check = async (
    availability: ColumnAvailability,
    of: MissingColumn['of'],
    columns: readonly string[],
  ): Promise<void> => {
    for (const column of columns) {
      const found = await availability.find(column);
      if ('files' in found) {
        readiness.shards.push(found.files);
        continue;
      }
      const command = await commandIn(availability.project, column);
      const where = of === 'pool' ? '' : ` --dataset ${availability.dataset.name}`;
      readiness.missing.push({
        column,
        of,
        because: found.because,
        rows: found.rows,
        command: command === undefined ? undefined : `${command}${where}`,
      });
    }
  };
  await check(pool, 'pool', needsOf(contestant));
  for (const name of contestant.stages.flatMap(({ selector, options }) => selector.needs(options))) {
    const score = await scoreIdentity(pool.project, name);
    if (score !== undefined) readiness.shards.push(score);
  }
  if (reference !== undefined) await check(reference, 'reference', ofReference ?? []);
  return readiness;
}
