import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../base/files/atomic.ts';
import type { Dataset } from '../../dataset/dataset.ts';
import { examine } from '../../doctor/examine.ts';
import type { Project } from '../../store/project.ts';
import { ARENA_PREFIX } from '../../store/verbs/gc.ts';

const CodeRows = z.object({
  code: z.string(),
  title: z.string(),
  severity: z.enum(['error', 'warn', 'info']),
  rows: z.array(z.int()),
});
/** Rows with a finding of one of the doctor's codes. */
export type CodeRows = z.infer<typeof CodeRows>;

/** Names the checks that were made: raise it when their rows change. */
const FORMAT = 1;

/**
 * Rows of every finding of the doctor, from all checks that need neither a target nor a benchmark. Kept under the hash
 * of the rows, since comparing all media with each other takes longer than all selections.
 */
export async function doctorRows(
  project: Project,
  dataset: Dataset,
  how: { signal?: AbortSignal; progress?: (done: number, total: number, what: string) => void } = {},
): Promise<CodeRows[]> {
  const file = join(project.paths.root, 'arena', `${dataset.hash.slice(0, ARENA_PREFIX)}-doctor-${FORMAT}.json`);
  const saved = await readFile(file, 'utf8').then(
    (text) => z.array(CodeRows).safeParse(parseOrNull(text)),
    () => undefined,
  );
  if (saved?.success) return saved.data;
  const { findings, store } = await examine(dataset, how);
  const all = findings.map(({ code, title, severity }) => ({ code, title, severity, rows: store.rowsOf(code) }));
  await writeFileAtomic(file, `${JSON.stringify(all)}\n`);
  return all;
}

/** A damaged copy of what can be made again is as good as none. */
function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
