import type { Dataset } from '../dataset/dataset.ts';
import { instructionOf, responseOf } from '../dataset/sample.ts';
import { savedResult } from '../doctor/result.ts';
import { clusterTerms } from '../experiment/cluster-terms.ts';
import { ownCluster, readTruth, separation, truthColumns } from '../experiment/truth.ts';
import type { Column } from '../numeric/columns.ts';
import { savedLimits } from '../select/baseline/limits.ts';
import {
  compositionOf,
  meanOf,
  randomBaseline,
  type SubsetStatistic,
  shareOf,
} from '../select/baseline/random-subsets.ts';
import type { CompositionRecord } from '../select/compose/record.ts';
import { selectionOrNewest } from '../select/explain.ts';
import { readInputs } from '../select/inputs/read-inputs.ts';
import { neighbours } from '../select/kept-neighbours.ts';
import { columnSuffix } from '../signals/measured/row-loss.ts';
import type { Project } from '../store/project.ts';
import { type LoadedSelection, listSelections, loadSelection, readSelectionHead } from '../store/selections.ts';
import { readQuarantined } from '../store/shard-read.ts';
import { columnsNamed, storedSignals } from '../store/signals.ts';
import type { GallerySample, ReportInput } from './data.ts';
import { classOf } from './format.ts';
import { project2d } from './sections/map/project2d.ts';
import { describeRun } from './sections/run/provenance.ts';
import { extremes } from './sections/samples/extremes.ts';
import { compositionLines } from './selection-text.ts';
import { thumbnail } from './thumbnails.ts';

export interface CollectRequest {
  /** The selection the page is about. @default the newest */
  selection?: string | undefined;
  /** Further selections to compare with. @default all others of the same data set */
  compare?: readonly string[];
  /** File with the truth about planted faults. */
  truth?: string | undefined;
  /** Title of the page. @default the data set's name */
  title?: string;
  progress?: (done: number, total: number, what: string) => void;
}

/** Texts and labels of every row, read in one pass. */
interface Texts {
  question: string[];
  answer: string[];
  category: (string | null)[];
  image: (string | undefined)[];
}

async function readTexts(dataset: Dataset): Promise<Texts> {
  const texts: Texts = { question: [], answer: [], category: [], image: [] };
  for await (const batch of dataset.batches()) {
    for (const sample of batch.samples) {
      texts.question.push(sample === null ? '' : instructionOf(sample));
      texts.answer.push(sample === null ? '' : responseOf(sample));
      texts.category.push(typeof sample?.meta.category === 'string' ? sample.meta.category : null);
      texts.image.push(sample?.media.images[0]?.path);
    }
  }
  return texts;
}

async function column(project: Project, dataset: Dataset, name: string): Promise<Column | undefined> {
  const block = await columnsNamed(project, dataset, [name], { partial: true }).catch(() => undefined);
  return block?.columns[name];
}

async function floats(project: Project, dataset: Dataset, name: string): Promise<Float32Array | undefined> {
  const found = await column(project, dataset, name);
  return found?.kind === 'f32' && found.width === 1 ? found.data : undefined;
}

/** Selections to show: the main one first, then the others of the same data set. */
async function readSelections(project: Project, request: CollectRequest): Promise<LoadedSelection[]> {
  const main = await selectionOrNewest(project, request.selection);
  const first = await loadSelection(project, main);
  const others = request.compare ?? (await listSelections(project)).filter((name) => name !== main);
  const same = await Promise.all(
    others.map(async (name) =>
      (await readSelectionHead(project, name)).dataset.hash === first.dataset.hash ? [name] : [],
    ),
  );
  return [first, ...(await Promise.all(same.flat().map((name) => loadSelection(project, name))))];
}

/** How a selection was put together, where it was by more than one method with a plain budget. */
function compositionOfSaved({ lineage }: LoadedSelection): CompositionRecord | undefined {
  return lineage.composition as CompositionRecord | undefined;
}

function stageName(stages: CompositionRecord['stages'], stage: number): string {
  return `Stage ${stage} of ${stages.length}, ${stages[stage - 1]?.method}`;
}

function reportSelection(selection: LoadedSelection, isMain: boolean): NonNullable<ReportInput['selections']>[number] {
  const { name, method, options, seed, requested, kept, perCluster, reasons, shortfall, lineage } = selection;
  const stages = compositionOfSaved(selection)?.stages;
  const minimum = Number(options.minScore ?? 0) > 0 ? `, S > ${String(options.minScore)}` : '';
  const variant = typeof options.variant === 'string' ? ` (${options.variant}${minimum})` : '';
  return {
    name,
    title: `${{ visnec: 'VisNec', random: 'Random', top: 'Top' }[method] ?? method}${variant}${method === 'top' ? ` ${String(options.column)}` : ''}`,
    method,
    options,
    seed,
    ...(typeof lineage.budget === 'string' ? { budget: lineage.budget } : {}),
    requested,
    kept,
    perCluster: perCluster.filter((count) => count.cluster >= 0),
    ...(shortfall === undefined ? {} : { shortfall }),
    ...(isMain
      ? {
          reasons: {
            code: reasons.map((reason) => reason.code),
            rank: reasons.map((reason) => reason.rank ?? null),
            ...(stages === undefined || stages.length < 2
              ? {}
              : { stage: reasons.map(({ stage }) => (stage === undefined ? null : stageName(stages, stage))) }),
          },
        }
      : {}),
  };
}

/** Selections of one method are told apart by their names. */
function withOwnTitles(all: NonNullable<ReportInput['selections']>): NonNullable<ReportInput['selections']> {
  return all.map((one) => {
    const isShared = all.filter((other) => other.title === one.title).length > 1;
    return isShared ? { ...one, title: `${one.title}: ${one.name}` } : one;
  });
}

/** Baselines in the shape of the page. Faults are counted, everything else is a share. */
function reportRandom(
  dataset: Dataset,
  size: number,
  columns: {
    necessity?: Float32Array | undefined;
    source: (string | null)[];
    category: (string | null)[];
    fault?: (string | null)[] | undefined;
  },
  thresholds: { critical: number; misaligned: number },
  within: Awaited<ReturnType<typeof savedLimits>>,
): NonNullable<ReportInput['random']> {
  const { necessity, source, category, fault } = columns;
  const named = (prefix: string, parts: Record<string, SubsetStatistic>) =>
    Object.entries(parts).map(([name, part]) => [`${prefix}/${name}`, part] as const);
  const classes = necessity === undefined ? undefined : Array.from(necessity, (s) => classOf(s, thresholds));
  const countOf =
    (key: string): SubsetStatistic =>
    (rows) =>
      rows.reduce((n, row) => n + (fault?.[row] === key ? 1 : 0), 0);
  const statistics: Record<string, SubsetStatistic> = Object.fromEntries([
    ...(necessity === undefined ? [] : [['necessity', meanOf(necessity)] as const]),
    ...(classes === undefined
      ? []
      : named(
          'class',
          Object.fromEntries(
            (['critical', 'redundant', 'misaligned'] as const).map((one) => [
              one,
              shareOf(classes.map((c) => c === one)),
            ]),
          ),
        )),
    ...named('source', compositionOf(source)),
    ...(category.some((one) => one !== null) ? named('category', compositionOf(category)) : []),
    ...[...new Set(fault?.filter((one) => one !== null) ?? [])].map((key) => [`fault/${key}`, countOf(key)] as const),
  ]);
  return randomBaseline({ rows: dataset.rows, budget: size, statistics, source, ...within }).map((baseline) => {
    const part = (prefix: string) => {
      const found = Object.entries(baseline.statistics).filter(([name]) => name.startsWith(`${prefix}/`));
      return found.length === 0
        ? undefined
        : Object.fromEntries(
            found.map(([name, { mean, lo, hi }]) => [name.slice(prefix.length + 1), { mean, lo, hi }]),
          );
    };
    const shares = part('class');
    const meanNecessity = baseline.statistics.necessity;
    const [categories, faults] = [part('category'), part('fault')];
    return {
      name: baseline.kind === 'uniform' ? 'uniform' : 'stratified by source',
      draws: baseline.seeds,
      size: baseline.budget,
      ...(meanNecessity === undefined
        ? {}
        : { meanNecessity: { mean: meanNecessity.mean, lo: meanNecessity.lo, hi: meanNecessity.hi } }),
      ...(shares === undefined
        ? {}
        : { shares: { critical: shares.critical!, redundant: shares.redundant!, misaligned: shares.misaligned! } }),
      source: part('source') ?? {},
      ...(categories === undefined ? {} : { category: categories }),
      ...(faults === undefined ? {} : { fault: faults }),
    };
  });
}

/** Everything the page shows of a project, from what has been scored and selected. Measures nothing itself. */
export async function collectReport(project: Project, request: CollectRequest = {}): Promise<ReportInput> {
  if (request.selection === undefined && (await listSelections(project)).length === 0) {
    const unselected = await collectDoctor(project, request);
    if (unselected !== undefined) return unselected;
  }
  const selections = await readSelections(project, request);
  const main = selections[0]!;
  const dataset = await project.dataset(main.dataset.name);
  request.progress?.(0, 3, 'collecting the report');
  const texts = await readTexts(dataset);
  const { about, necessity, input } = await readInputs(project, dataset, []);
  const loss = (await storedSignals(project, dataset)).find((signal) => signal.entry.signal === 'loss');
  const blind = ((loss?.entry.params.blind as string[] | undefined) ?? ['masked'])[0]!;
  const threshold = typeof main.options.threshold === 'number' ? main.options.threshold : 0.05;
  const thresholds = { critical: threshold, misaligned: -threshold };
  const truth = request.truth === undefined ? undefined : await readTruth(request.truth);
  const labels = truth === undefined ? undefined : truthColumns(truth, dataset);
  const embedding = await column(
    project,
    dataset,
    typeof main.options.embedding === 'string' ? main.options.embedding : 'instruction',
  );
  const clusters = main.clusters ?? selections.find((one) => one.clusters !== undefined)?.clusters;
  const map =
    embedding?.kind === 'f32'
      ? project2d(embedding.data, dataset.rows, embedding.width, clusters === undefined ? {} : { clusters, spread: 1 })
      : undefined;
  const [multimodal, blindLoss] = [
    await floats(project, dataset, 'nll_mm'),
    await floats(project, dataset, `nll_blind_${columnSuffix(blind)}`),
  ];
  const quarantined = [...dataset.quarantined];
  for (const signal of await storedSignals(project, dataset))
    quarantined.push(...(await readQuarantined(project, signal)));
  const broken = new Map(quarantined.map((bad) => [bad.row, bad]));
  const excluded = new Map([...(input.excluded ?? []), ...[...broken].map(([row, bad]) => [row, bad.reason] as const)]);
  const terms = clusters === undefined ? new Map<number, string[]>() : clusterTerms(texts.question, clusters);
  const run = await describeRun(project, dataset, main);
  const composition = compositionOfSaved(main);
  request.progress?.(1, 3, 'collecting the report');

  const groups =
    necessity === undefined
      ? []
      : extremes(necessity, thresholds, (row) => `${texts.question[row]}\n${texts.answer[row]}\n${texts.image[row]}`);
  const samples = await gallerySamples(
    project,
    dataset,
    groups.flatMap((group) => group.rows),
    main,
    embedding,
    blind,
  );
  request.progress?.(2, 3, 'collecting the report');
  return {
    title: request.title ?? dataset.name,
    subtitle: `${dataset.rows.toLocaleString('en')} rows, ${dataset.format} (${dataset.detected})`,
    thresholds,
    samples: {
      id: [...dataset.ids],
      question: texts.question,
      answer: texts.answer,
      source: about.source,
      ...(texts.category.some((one) => one !== null) ? { category: texts.category } : {}),
      ...(labels === undefined ? {} : { fault: labels.fault }),
      ...(multimodal === undefined ? {} : { multimodal }),
      ...(blindLoss === undefined ? {} : { blind: blindLoss }),
      ...(necessity === undefined ? {} : { necessity }),
      ...(clusters === undefined ? {} : { cluster: clusters }),
      ...(map === undefined ? {} : map),
    },
    ...(clusters === undefined ? {} : { clusters: [...terms].map(([cluster, words]) => ({ cluster, terms: words })) }),
    ...(map === undefined
      ? {}
      : { mapNote: 'Two principal components of the embedding of the question; clusters are drawn apart a little.' }),
    selections: withOwnTitles(selections.map((selection, i) => reportSelection(selection, i === 0))),
    random: reportRandom(
      dataset,
      main.kept.length,
      { necessity, source: about.source, category: texts.category, fault: labels?.fault },
      thresholds,
      await savedLimits(project, dataset, main, excluded),
    ),
    ...(truth === undefined || labels === undefined
      ? {}
      : {
          faults: truth.faults.map(({ key, title, about: words }) => {
            const own = clusters === undefined ? undefined : ownCluster(labels.fault, key, clusters);
            return { key, title, about: words, ...(own === undefined ? {} : { ownCluster: own }) };
          }),
          ...(necessity === undefined ? {} : { auc: separation(truth, labels, necessity) }),
        }),
    ...(groups.length === 0 ? {} : { gallery: { groups, samples } }),
    ...(broken.size === 0 ? {} : { quarantined: [...broken.values()].sort((a, b) => a.row - b.row) }),
    ...doctorOf(project, dataset),
    ...(composition === undefined ? {} : { notes: compositionLines(composition) }),
    run,
  };
}

/** What the doctor found, if it has seen these rows. */
function doctorOf(project: Project, dataset: Dataset): Pick<ReportInput, 'doctor'> {
  const result = savedResult(project, dataset);
  return result === undefined ? {} : { doctor: result };
}

/** The page of a data set from which nothing has been selected yet, if the doctor has seen it. */
async function collectDoctor(project: Project, request: CollectRequest): Promise<ReportInput | undefined> {
  if (project.config().datasets.length === 0) return undefined;
  const dataset = await project.dataset();
  const found = doctorOf(project, dataset);
  if (found.doctor === undefined) return undefined;
  const { quarantined } = dataset;
  return {
    title: request.title ?? dataset.name,
    subtitle: `${dataset.rows.toLocaleString('en')} rows, ${dataset.format} (${dataset.detected})`,
    samples: { id: [...dataset.ids] },
    ...(quarantined.length === 0 ? {} : { quarantined: [...quarantined] }),
    ...found,
  };
}

async function gallerySamples(
  project: Project,
  dataset: Dataset,
  rows: readonly number[],
  main: LoadedSelection,
  embedding: Column | undefined,
  blind: string,
): Promise<GallerySample[]> {
  const distinct = [...new Set(rows)];
  const samples = await dataset.get(distinct);
  const [mm, without, words] = await Promise.all([
    column(project, dataset, 'token_mm'),
    column(project, dataset, `token_blind_${columnSuffix(blind)}`),
    column(project, dataset, 'token_texts'),
  ]);
  const slice = (list: Column | undefined, row: number) =>
    list?.kind === 'list' ? [...list.data.subarray(list.offsets[row], list.offsets[row + 1])] : [];
  return Promise.all(
    distinct.map(async (row, i) => {
      const sample = samples[i]!;
      const path = sample.media.images[0]?.path;
      const image = path === undefined ? undefined : await thumbnail(dataset, path);
      const text = words?.kind === 'text' ? words.data[row] : null;
      const hasVector = embedding?.kind === 'f32' && Number.isFinite(embedding.data[row * embedding.width]);
      const near = hasVector
        ? await neighbours(main.kept, row, { data: embedding.data, rows: dataset.rows, width: embedding.width }, 3)
        : [];
      return {
        row,
        question: instructionOf(sample),
        answer: responseOf(sample),
        ...(image === undefined ? {} : { image }),
        ...(text
          ? { tokens: { text: JSON.parse(text) as string[], multimodal: slice(mm, row), blind: slice(without, row) } }
          : {}),
        ...(near.length === 0
          ? {}
          : { neighbours: near.map((one) => ({ id: dataset.ids[one.row]!, similarity: one.similarity })) }),
      };
    }),
  );
}
