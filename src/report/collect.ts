import type { Dataset } from '../dataset/dataset.ts';
import { instructionOf, responseOf } from '../dataset/sample.ts';
import { clusterTerms } from '../experiment/cluster-terms.ts';
import { ownCluster, readTruth, separation, truthColumns } from '../experiment/truth.ts';
import { savedLimits } from '../select/baseline/limits.ts';
import { readInputs } from '../select/inputs/read-inputs.ts';
import { classesOf, thresholdsOf } from '../select/kit/necessity-class.ts';
import { fitOf } from '../signals/fit/read.ts';
import { columnSuffix } from '../signals/measured/row-loss.ts';
import type { Project } from '../store/project.ts';
import { listSelections } from '../store/selections.ts';
import { readQuarantined } from '../store/shard-read.ts';
import { storedSignals } from '../store/signals.ts';
import type { ReportInput } from './data.ts';
import { collectDoctor, doctorOf } from './sections/doctor/collect.ts';
import { project2d } from './sections/map/project2d.ts';
import { describeRun } from './sections/run/provenance.ts';
import { gallerySamples } from './sections/samples/collect.ts';
import { extremes } from './sections/samples/extremes.ts';
import { compositionOfSaved, readSelections, reportSelection, withOwnTitles } from './sections/selections/collect.ts';
import { reportRandom } from './sections/selections/random.ts';
import { compositionLines } from './selection-text.ts';
import { storedColumn, storedNumbers } from './stored-columns.ts';

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

/** Everything the page shows of a project, from what has been scored and selected. Measures nothing itself. */
export async function collectReport(project: Project, request: CollectRequest = {}): Promise<ReportInput> {
  if (request.selection === undefined && (await listSelections(project)).length === 0) {
    const unselected = await collectDoctor(project, request);
    if (unselected !== undefined) return unselected;
  }
  const { dataset, selections, stale } = await readSelections(project, request);
  const main = selections[0]!;
  request.progress?.(0, 3, 'collecting the report');
  const texts = await readTexts(dataset);
  const { about, necessity, input } = await readInputs(project, dataset, []);
  const loss = (await storedSignals(project, dataset)).find((signal) => signal.entry.signal === 'loss');
  const blind = ((loss?.entry.params.blind as string[] | undefined) ?? ['masked'])[0]!;
  const thresholds = thresholdsOf(main.options);
  const truth = request.truth === undefined ? undefined : await readTruth(request.truth);
  const labels = truth === undefined ? undefined : truthColumns(truth, dataset);
  const embedding = await storedColumn(
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
    await storedNumbers(project, dataset, 'nll_mm'),
    await storedNumbers(project, dataset, `nll_blind_${columnSuffix(blind)}`),
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

  const { textOnly } = about;
  const classes = necessity === undefined ? [] : classesOf({ necessity, blind: blindLoss, textOnly }, thresholds);
  const groups =
    necessity === undefined
      ? []
      : extremes(
          necessity,
          classes,
          thresholds,
          (row) => `${texts.question[row]}\n${texts.answer[row]}\n${texts.image[row]}`,
        );
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
    stale,
    fit: necessity === undefined ? undefined : await fitOf(project, dataset),
    samples: {
      id: [...dataset.ids],
      question: texts.question,
      answer: texts.answer,
      source: about.source,
      category: texts.category.some((one) => one !== null) ? texts.category : undefined,
      fault: labels?.fault,
      multimodal,
      blind: blindLoss,
      necessity,
      textOnly,
      cluster: clusters,
      ...(map === undefined ? {} : map),
    },
    clusters: clusters === undefined ? undefined : [...terms].map(([cluster, words]) => ({ cluster, terms: words })),
    mapNote:
      map === undefined
        ? undefined
        : 'Two principal components of the embedding of the question; clusters are drawn apart a little.',
    selections: withOwnTitles(selections.map((selection, i) => reportSelection(selection, i === 0))),
    random: reportRandom(
      dataset,
      main.kept.length,
      {
        necessity,
        source: about.source,
        category: texts.category,
        fault: labels?.fault,
        classes: necessity === undefined ? undefined : classes,
        textOnly,
      },
      await savedLimits(project, dataset, main, excluded),
    ),
    faults:
      truth === undefined || labels === undefined
        ? undefined
        : truth.faults.map(({ key, title, about: words }) => {
            const own = clusters === undefined ? undefined : ownCluster(labels.fault, key, clusters);
            return { key, title, about: words, ownCluster: own };
          }),
    auc:
      truth === undefined || labels === undefined
        ? undefined
        : necessity === undefined
          ? undefined
          : separation(truth, labels, necessity),
    gallery: groups.length === 0 ? undefined : { groups, samples },
    quarantined: broken.size === 0 ? undefined : [...broken.values()].sort((a, b) => a.row - b.row),
    ...doctorOf(project, dataset),
    ...(composition === undefined ? {} : { notes: compositionLines(composition) }),
    run,
  };
}
