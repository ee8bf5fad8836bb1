/**
 * Winnow from TypeScript: the verbs of the command line with the same names, options and defaults. Every verb takes a
 * project or its folder.
 *
 * @packageDocumentation
 */
import type { Options } from './base/options.ts';
import { CostOptions } from './cost/gpu-hours.ts';
import { type DoctorRequest, doctor as examineData } from './doctor/doctor.ts';
import type { DoctorResult } from './doctor/result.ts';
import { planArena } from './experiment/arena/plan.ts';
import type { ArenaPlan } from './experiment/arena/result.ts';
import { type ScoreAllRequest, type ScoreAllResult, scoreAll as scoreAllSignals } from './experiment/score-all.ts';
import { type WriteArenaRequest, type WrittenArena, writeArena } from './report/arena/write.ts';
import { type ReportRequest, type ReportResult, writeReport } from './report/write.ts';
import type { SelectRequest, StageRequest } from './select/compose/request.ts';
import { type ExplainRequest, type Explanation, explain as explainRow } from './select/explain.ts';
import type { MethodRequest } from './select/methods/registry.ts';
import { runSelection, type SelectResult } from './select/run.ts';
import { listSignals as listed, type SignalListRequest } from './signals/engine/list-signals.ts';
import { runScore, type ScoreResult } from './signals/engine/score.ts';
import { dryRun as dryRunScore, planScore, type ScoreRequest } from './signals/engine/score-plan.ts';
import {
  exportSignals as exportValues,
  type SignalExportRequest,
  type SignalExportResult,
} from './signals/io/export/export-signals.ts';
import {
  importSignal as importValues,
  type SignalImportRequest,
  type SignalImportResult,
} from './signals/io/import/import-signal.ts';
import type { SignalRequest } from './signals/measured/registry.ts';
import type { ScoreSummary } from './signals/signal.ts';
import { openProject, type Project } from './store/project.ts';
import { type ExportRequest, type ExportResult, exportSelection as exportRows } from './store/verbs/export.ts';
import { type FilterRequest, type FilterResult, filterProject } from './store/verbs/filter.ts';
import { collectGarbage, type GcRequest, type GcResult } from './store/verbs/gc.ts';
import { type ShowRequest, type ShowResult, showSample } from './store/verbs/show.ts';
import { querySql, type SqlOptions, type SqlResult } from './store/verbs/sql.ts';
import { type ProjectStatus, projectStatus } from './store/verbs/status.ts';
import { type TrainRequest, type TrainResult, train as trainModel } from './train/train.ts';

export { type Quarantined, type Where, WinnowError } from './base/errors.ts';
export type { Dataset, SampleBatch } from './dataset/dataset.ts';
export type { Format } from './dataset/format.ts';
export { formats } from './dataset/formats/registry.ts';
export { RenderOptions } from './dataset/media/render.ts';
export { type OpenOptions, openDataset } from './dataset/open/open.ts';
export type { MediaRef, Message, Part, Role, Sample } from './dataset/sample.ts';
export { type ConvertRequest, type ConvertResult, convertDataset } from './dataset/verbs/convert.ts';
export { type MergeRequest, type MergeResult, mergeDatasets } from './dataset/verbs/merge.ts';
export { type SplitRequest, type SplitResult, splitDataset } from './dataset/verbs/split.ts';
export { type Loss, type WriteRequest, type Written, writeDataset } from './dataset/verbs/write.ts';
export type { ArenaPlan, ArenaResult } from './experiment/arena/result.ts';
export { type Clip, loadClip } from './models/encoders/clip.ts';
export { loadImageEncoder } from './models/encoders/image.ts';
export { loadTextEncoder } from './models/encoders/text.ts';
export type { ModelFolder, ResolveOptions } from './models/source.ts';
export type {
  BlindVariant,
  ImageEncoder,
  LoadImage,
  LossRequest,
  RgbImage,
  SampleLoss,
  TextEncoder,
  TokenLosses,
  VlmModel,
} from './models/types.ts';
export { loadVlm, type VlmOptions } from './models/vlm/load.ts';
export { type KMeansOptions, type KMeansResult, kmeans } from './numeric/kmeans/kmeans.ts';
export type { Matrix } from './numeric/linalg/matrix.ts';
export type { ReportData } from './report/data.ts';
export {
  type Baseline,
  type BaselineOptions,
  randomBaseline,
  type SubsetStatistic,
} from './select/baseline/random-subsets.ts';
export { selectors } from './select/methods/find.ts';
export type { Reason } from './select/reasons.ts';
export type { ClusterCount, SelectContext, Selection, Selector, SelectorInput } from './select/selector.ts';
export { signals } from './signals/measured/registry.ts';
export type { Signal } from './signals/signal.ts';
export { openProject } from './store/project.ts';
export { filterFile } from './store/verbs/filter.ts';
export { type ImportRequest, type ImportResult, importDataset } from './store/verbs/import.ts';
export type {
  DoctorRequest,
  DoctorResult,
  ExplainRequest,
  Explanation,
  ExportRequest,
  ExportResult,
  FilterRequest,
  FilterResult,
  GcRequest,
  GcResult,
  MethodRequest,
  Project,
  ProjectStatus,
  ReportRequest,
  ReportResult,
  ScoreResult,
  ScoreSummary,
  SelectResult,
  ShowRequest,
  ShowResult,
  SignalExportRequest,
  SignalExportResult,
  SignalImportRequest,
  SignalImportResult,
  SignalListRequest,
  SignalRequest,
  SqlOptions,
  SqlResult,
};

/** What every {@link score} takes beside the signal's own options. */
export type ScoreOptions = Pick<ScoreRequest, 'dataset' | 'offline' | 'abort' | 'progress'> & {
  /** Say what would be done, and do nothing. @default false */
  dryRun?: boolean;
};

/** What every {@link select} takes beside the method's own options. */
export type SelectOptions = Omit<SelectRequest, 'method' | 'options' | 'before'> & {
  /**
   * Methods that run before this one, each on what the one before it kept:
   * `before: [{ method: 'semdedup', eps: 0.1 }]`.
   */
  before?: readonly (MethodRequest & Omit<StageRequest, 'method' | 'options'>)[];
};

/**
 * Measure a signal for every sample of a data set; what is finished isn't measured again.
 *
 * @param project a project, or its folder
 * @returns what was planned (`dryRun`) or done
 * @throws WinnowError `OPTION_INVALID`, `MODEL_UNKNOWN` and what else the command line prints
 * @example
 * ```ts
 * const { rowsComputed } = await score('my-project', { signal: 'loss', blind: ['masked'], perToken: true });
 * ```
 */
export function score(
  project: Project | string,
  request: SignalRequest & ScoreOptions & { dryRun: true },
): Promise<ScoreSummary>;
export function score(
  project: Project | string,
  request: SignalRequest & ScoreOptions & { dryRun?: false },
): Promise<ScoreResult>;
export function score(
  project: Project | string,
  request: SignalRequest & ScoreOptions,
): Promise<ScoreSummary | ScoreResult>;
export function score(
  project: Project | string,
  request: SignalRequest & ScoreOptions,
): Promise<ScoreSummary | ScoreResult> {
  const { signal, dataset, offline, abort, progress, dryRun, ...params } = request;
  return within(project, async (opened) => {
    const plan = await planScore(opened, {
      signal,
      params: present(params),
      dataset,
      offline,
      abort,
      progress,
    });
    return dryRun === true ? dryRunScore(plan) : runScore(plan);
  });
}

/**
 * Measure all columns that methods read, in as few passes as it takes.
 *
 * @param project a project, or its folder
 * @throws WinnowError `METHOD_UNKNOWN`, `SIGNAL_UNKNOWN` and what else the command line prints
 * @example
 * ```ts
 * const { signals, elsewhere } = await scoreAll('my-project', { for: 'visnec,ifd', dryRun: true });
 * ```
 */
export function scoreAll(project: Project | string, request: ScoreAllRequest = {}): Promise<ScoreAllResult> {
  return within(project, (opened) => scoreAllSignals(opened, request));
}

/**
 * Fine-tune a small model with evenly spaced checkpoints, for signals that watch a model learn. What is finished is not
 * done again.
 *
 * @param project a project, or its folder
 * @throws WinnowError `TOO_FEW_STEPS`, `RUN_EXISTS`, `WORKER_MISSING` and what else the command line prints
 * @example
 * ```ts
 * const { checkpoints } = await train('my-project', { recipe: 'proxy', options: { checkpoints: 7, batch: 128 } });
 * ```
 */
export function train(project: Project | string, request: TrainRequest = {}): Promise<TrainResult> {
  return within(project, (opened) => trainModel(opened, request));
}

/**
 * Choose a subset for a budget, measure it beside random subsets of its size, and save it under its name.
 *
 * @param project a project, or its folder
 * @throws WinnowError `BUDGET_INVALID`, `COLUMN_MISSING` with the command that measures it, and what else the command
 * line prints
 * @example
 * ```ts
 * const { ids, statistics } = await select('my-project', { method: 'visnec', budget: '15%', k: 20 });
 * ```
 */
export function select(project: Project | string, request: MethodRequest & SelectOptions): Promise<SelectResult> {
  const { before, ...last } = request;
  const [shared, options] = partition(last, new Set(SELECT_OPTIONS));
  return within(project, (opened) =>
    runSelection(opened, {
      ...(shared as SelectOptions),
      method: request.method,
      options: present(options),
      before: before?.map((stage) => {
        const [given, own] = partition(stage, new Set(SELECT_OPTIONS));
        return { ...given, method: stage.method, options: present(own) };
      }),
    }),
  );
}

/** What {@link select} takes beside a method's own options. */
const SELECT_OPTIONS: readonly string[] = [
  ...['method', 'budget', 'pass', 'reference', 'from', 'quota', 'floor', 'max', 'alwaysKeep', 'neverKeep'],
  ...['seed', 'dataset', 'name', 'replace', 'blind', 'dryRun', 'signal', 'progress'],
  ...Object.keys(CostOptions.shape),
];

/** Fields of an object that are in a set, and the others. */
function partition(object: object, names: ReadonlySet<string>): [Record<string, unknown>, Record<string, unknown>] {
  const entries = Object.entries(object);
  return [
    Object.fromEntries(entries.filter(([name]) => names.has(name))),
    Object.fromEntries(entries.filter(([name]) => !names.has(name))),
  ];
}

/**
 * Why one sample was kept or dropped, with its nearest kept neighbours.
 *
 * @example
 * ```ts
 * const { because, neighbours } = await explain('my-project', { id: 'shapes-17' });
 * ```
 */
export function explain(project: Project | string, request: ExplainRequest): Promise<Explanation> {
  return within(project, (opened) => explainRow(opened, request));
}

/**
 * Write the samples of a selection as files that a trainer reads.
 *
 * @example
 * ```ts
 * const { files } = await exportSelection('my-project', { format: 'sharegpt', out: 'subset', images: 'copy' });
 * ```
 */
export function exportSelection(project: Project | string, request: ExportRequest = {}): Promise<ExportResult> {
  return within(project, (opened) => exportRows(opened, request));
}

/**
 * Look for what would break a training run, and with `fix` write a mended version of the data set.
 *
 * @param project a project or its folder; null with `path`, which needs none
 * @throws WinnowError of {@link openDataset}, `TARGET_UNKNOWN`, `CODE_UNKNOWN`, `OUTPUT_EXISTS`
 * @example
 * ```ts
 * const { findings } = await doctor(null, { path: 'data.json', images: 'images', target: 'qwen3-vl' });
 * ```
 */
export function doctor(project: Project | string | null, request: DoctorRequest = {}): Promise<DoctorResult> {
  return examineData(project, request);
}

/**
 * Write one self-contained HTML page about a selection.
 *
 * @example
 * ```ts
 * const { file } = await report('my-project', { selection: 'visnec-15%-s42', out: 'report.html' });
 * ```
 */
export function report(project: Project | string, request: ReportRequest = {}): Promise<ReportResult> {
  return within(project, (opened) => writeReport(opened, request));
}

/**
 * Write the rows of a project's data set that a condition or SELECT asks for; it sees samples and signals. {@link
 * filterFile} does it for a file.
 *
 * @example
 * ```ts
 * const { rows } = await filter('my-project', { sql: 'image_sharpness > 400', out: 'sharp.json' });
 * ```
 */
export function filter(
  project: Project | string,
  request: FilterRequest & { dataset?: string | undefined },
): Promise<FilterResult> {
  return within(project, (opened) => filterProject(opened, request));
}

/** What a project holds, what has changed, what it takes on disk. */
export function status(project: Project | string): Promise<ProjectStatus> {
  return within(project, projectStatus);
}

/**
 * Answer one reading SQL statement over samples and signals.
 *
 * @example
 * ```ts
 * const { columns, rows } = await sql('my-project', 'SELECT source, count(*) FROM samples GROUP BY source');
 * ```
 */
export function sql(project: Project | string, statement: string, options: SqlOptions = {}): Promise<SqlResult> {
  return within(project, (opened) => querySql(opened, statement, options));
}

/** One sample with its media, its signals, and what each selection did with it. */
export function show(project: Project | string, request: ShowRequest): Promise<ShowResult> {
  return within(project, (opened) => showSample(opened, request));
}

/** Signals of a data set with their columns, rows, and who made them. */
export function listSignals(project: Project | string, request: SignalListRequest = {}): ReturnType<typeof listed> {
  return within(project, (opened) => listed(opened, request));
}

/**
 * Take in values that were measured elsewhere, checked against the ids of the data set.
 *
 * @example
 * ```ts
 * await importSignal('my-project', { file: 'ratings.jsonl', as: 'rating', note: 'ratings of a teacher' });
 * ```
 */
export function importSignal(project: Project | string, request: SignalImportRequest): Promise<SignalImportResult> {
  return within(project, (opened) => importValues(opened, request));
}

/** Write columns that have been measured, with the ids of their samples, as one file. */
export function exportSignals(project: Project | string, request: SignalExportRequest): Promise<SignalExportResult> {
  return within(project, (opened) => exportValues(opened, request));
}

/** Remove what nothing refers to. */
export function gc(project: Project | string, request: GcRequest = {}): Promise<GcResult> {
  return within(project, (opened) => collectGarbage(opened, request));
}

/** What every {@link arena} takes. */
export type ArenaOptions = Options<WriteArenaRequest> & {
  /** Say what would run and what is missing, and do nothing. @default false */
  dryRun?: boolean;
};

/**
 * Let every method whose signals are there choose at one budget, compare what they chose with each other and with
 * random subsets, and write the page and the table.
 *
 * @throws WinnowError `METHOD_UNKNOWN`, `METHODS_INVALID`, `OPTION_INVALID`, `BUDGET_INVALID`; a method that fails is
 * listed in the result instead
 * @example
 * ```ts
 * const { result, page } = await arena('my-project', { methods: 'all', budget: '15%' });
 * ```
 */
export function arena(project: Project | string, request: ArenaOptions & { dryRun: true }): Promise<ArenaPlan>;
export function arena(project: Project | string, request?: ArenaOptions & { dryRun?: false }): Promise<WrittenArena>;
export function arena(
  project: Project | string,
  { dryRun, ...request }: ArenaOptions = {},
): Promise<WrittenArena | ArenaPlan> {
  const given = present(request) as WriteArenaRequest;
  return within<WrittenArena | ArenaPlan>(project, (opened) =>
    dryRun === true ? planArena(opened, given) : writeArena(opened, given),
  );
}

/** Work in a project that is open already, or open it for this work alone. */
async function within<T>(given: Project | string, work: (project: Project) => Promise<T>): Promise<T> {
  if (typeof given !== 'string') return work(given);
  await using project = await openProject(given);
  // Awaited here: the project is closed when this block is left.
  return await work(project);
}

/** What was given: an option that is undefined takes its default like one that is absent. */
function present(options: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
