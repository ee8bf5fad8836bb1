import { createHash } from 'node:crypto';
import type { Dataset } from '../dataset/dataset.ts';
import { instructionOf, responseOf } from '../dataset/sample.ts';
import { savedLimits } from '../select/baseline/limits.ts';
import { onCurrentRows } from '../select/current-selection.ts';
import { readInputs } from '../select/inputs/read-inputs.ts';
import { classesOf, thresholdsOf } from '../select/kit/necessity-class.ts';
import { fitOf } from '../signals/fit/read.ts';
import { columnSuffix } from '../signals/measured/row-loss.ts';
import type { Project } from '../store/project.ts';
import { selectionOrNewest } from '../store/selections.ts';
import { readQuarantined } from '../store/shard-read.ts';
import { type StoredSignal, storedSignals } from '../store/signals.ts';
import { shownRows } from './compact.ts';
import type { ReportInput } from './data.ts';
import { collectPictures } from './pictures/collect.ts';
import { collectDoctor } from './sections/doctor/collect.ts';
import { collectFaults } from './sections/faults/collect.ts';
import { collectMap } from './sections/map/collect.ts';
import { describeRun } from './sections/run/provenance.ts';
import { gallerySamples } from './sections/samples/collect.ts';
import { extremes } from './sections/samples/extremes.ts';
import {
  compositionOfSaved,
  mainSelection,
  otherSelections,
  reportSelection,
  withOwnTitles,
} from './sections/selections/collect.ts';
import { reportRandom } from './sections/selections/random.ts';
import { compositionLines } from './selection-text.ts';
import { storedColumn, storedNumbers } from './stored-columns.ts';

export interface CollectRequest {
  /** The selection the page is about. @default the newest */
  selection?: string | undefined;
  /** Further selections to compare with. @default all others of the same data set */
  compare?: readonly string[] | undefined;
  /** File with the truth about planted faults. */
  truth?: string | undefined;
  /** Title of the page. @default the data set's name */
  title?: string | undefined;
  /** Folder that the page will lie in: addresses of pictures start there. @default the project's */
  pageFolder?: string | undefined;
  progress?: ((done: number, total: number, what: string) => void) | undefined;
}

const WHAT = 'collecting the report';

/**
 * Everything the page shows of a project, from what has been scored and selected. Measures nothing itself. Without a
 * selection it is about the project's data set.
 */
export async function collectReport(project: Project, request: CollectRequest = {}): Promise<ReportInput> {
  const saved = await mainSelection(project, request.selection);
  const dataset = await project.dataset(saved?.dataset.name);
  const { selection: main, stale } = saved === undefined ? {} : onCurrentRows(saved, dataset);
  const others = main === undefined ? [] : await otherSelections(project, main, dataset, request.compare);
  request.progress?.(0, 4, WHAT);
  const stored = await storedSignals(project, dataset);
  const doctor = collectDoctor(project, dataset);
  // Nothing is known of the data: whoever asks for a report means to have selected.
  if (main === undefined && stored.length === 0 && doctor === undefined) await selectionOrNewest(project);
  const texts = await readTexts(dataset);
  const { about, necessity, input } = await readInputs(project, dataset, []);
  const blind = blindVariant(stored);
  const thresholds = thresholdsOf(main?.options ?? {});
  const asked = main?.options.embedding;
  const embedding = await storedColumn(project, dataset, typeof asked === 'string' ? asked : 'instruction');
  const clusters = main?.clusters ?? others.find((one) => one.clusters !== undefined)?.clusters;
  const map = collectMap(dataset.rows, embedding, clusters, texts.question);
  const { labels, faults, auc } = await collectFaults(request.truth, dataset, clusters, necessity);
  const broken = await setAside(project, dataset, stored);
  const composition = main === undefined ? undefined : compositionOfSaved(main);
  request.progress?.(1, 4, WHAT);

  const sameSample = (row: number): string => `${texts.question[row]}\n${texts.answer[row]}\n${texts.image[row]}`;
  const blindLoss = await storedNumbers(project, dataset, `nll_blind_${columnSuffix(blind)}`);
  const { textOnly } = about;
  const classes =
    necessity === undefined ? undefined : classesOf({ necessity, blind: blindLoss, textOnly }, thresholds);
  const groups =
    necessity === undefined || classes === undefined ? [] : extremes(necessity, classes, thresholds, sameSample);
  const inGallery = [...new Set(groups.flatMap((group) => group.rows))];
  const samples = await gallerySamples(project, dataset, inGallery, main, embedding, blind);
  request.progress?.(2, 4, WHAT);
  const pictures = await collectPictures({
    dataset,
    rows: [...new Set([...inGallery, ...shownRows(dataset.rows, inGallery)])],
    pageFolder: request.pageFolder ?? project.folder,
    cacheFolder: project.paths.pictures,
    onProgress: (done, total) => request.progress?.(done, total, 'collecting pictures'),
  });
  request.progress?.(3, 4, WHAT);
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
      fault: labels,
      multimodal: await storedNumbers(project, dataset, 'nll_mm'),
      blind: blindLoss,
      necessity,
      textOnly,
      cluster: clusters,
      x: map.x,
      y: map.y,
    },
    clusters: map.clusters,
    mapNote: map.note,
    selections:
      main === undefined
        ? undefined
        : withOwnTitles([main, ...others].map((selection) => reportSelection(selection, selection === main))),
    random:
      main === undefined
        ? undefined
        : reportRandom(
            dataset,
            main.kept.length,
            { necessity, source: about.source, category: texts.category, fault: labels, classes, textOnly },
            await savedLimits(project, dataset, main, unusable(input.excluded, broken)),
          ),
    faults,
    auc,
    pictures,
    gallery: groups.length === 0 ? undefined : { groups, samples },
    quarantined: broken.size === 0 ? undefined : [...broken.values()].sort((a, b) => a.row - b.row),
    doctor,
    notes: composition === undefined ? undefined : compositionLines(composition),
    run: await describeRun(project, dataset, main),
  };
}

/** Texts and labels of every row, read in one pass. */
interface Texts {
  question: string[];
  answer: string[];
  category: (string | null)[];
  /** Path of the first picture; of one inside of the row a hash of it. */
  image: (string | undefined)[];
}

async function readTexts(dataset: Dataset): Promise<Texts> {
  const texts: Texts = { question: [], answer: [], category: [], image: [] };
  for await (const batch of dataset.batches()) {
    for (const sample of batch.samples) {
      texts.question.push(sample === null ? '' : instructionOf(sample));
      texts.answer.push(sample === null ? '' : responseOf(sample));
      texts.category.push(typeof sample?.meta.category === 'string' ? sample.meta.category : null);
      const path = sample?.media.images[0]?.path;
      const isInside = path !== undefined && path.length > 300;
      texts.image.push(isInside ? createHash('sha256').update(path).digest('base64') : path);
    }
  }
  return texts;
}

/** How the image was taken away where losses without it were measured. */
function blindVariant(stored: readonly StoredSignal[]): string {
  const loss = stored.find((signal) => signal.entry.signal === 'loss');
  return ((loss?.entry.params.blind as string[] | undefined) ?? ['masked'])[0]!;
}

/** Rows that could not be read or measured, by row. */
async function setAside(
  project: Project,
  dataset: Dataset,
  stored: readonly StoredSignal[],
): Promise<Map<number, Dataset['quarantined'][number]>> {
  const all = [...dataset.quarantined];
  for (const signal of stored) all.push(...(await readQuarantined(project, signal)));
  return new Map(all.map((bad) => [bad.row, bad]));
}

function unusable(
  excluded: ReadonlyMap<number, string> | undefined,
  broken: ReadonlyMap<number, { reason: string }>,
): ReadonlyMap<number, string> {
  return new Map([...(excluded ?? []), ...[...broken].map(([row, bad]) => [row, bad.reason] as const)]);
}
