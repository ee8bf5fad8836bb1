import { instructionOf, responseOf } from '../../dataset/sample.ts';
import type { ArenaResult } from '../../experiment/arena/result.ts';
import type { Project } from '../../store/project.ts';
import { shorten } from '../format.ts';
import { htmlPage } from '../html-page.ts';
import { thumbnail } from '../pictures/thumbnails.ts';
import { type ArenaAdvice, adviceOf } from './advice.ts';
import { commandForAll, IMPORT_WORDS, missingWords, sourceWords } from './csv.ts';
import { arenaText, assumptionWords, budgetText, costWords } from './text.ts';

/** A sample in a gallery. */
export interface ArenaSample {
  id: string;
  question: string;
  answer: string;
  source: string | null;
  /** Key into `images`. */
  image?: string;
}

/** What the page's script reads; numbers that don't exist are null. */
export interface ArenaPage {
  result: ArenaResult;
  samples: Record<number, ArenaSample>;
  /** Data URIs by the path of the image, which several samples may share. */
  images: Record<string, string>;
  /** What each method that could not run lacks, in words, and what that costs. */
  missing: { id: string; title: string; lacks: string; cost: string }[];
  missingCost: string;
  advice: ArenaAdvice;
  assumptions: string;
  /** What a budget by cost comes to. */
  budget?: string;
  /** What sources with a rule gave, by entry. */
  sources: Record<string, string[]>;
  importing: string;
  /** Measures all that can be measured here. */
  commandForAll?: string;
}

/** Characters of questions and answers in galleries. */
const TEXT_LIMIT = 160;
/** Pixels of a picture in a gallery: many methods with a dozen each share one file. */
const PICTURE = 200;

interface Watch {
  signal?: AbortSignal;
  progress?: (done: number, total: number, what: string) => void;
}

/** The arena's page: one HTML document that needs nothing but itself. */
export async function buildArenaPage(project: Project, result: ArenaResult, watch: Watch = {}): Promise<string> {
  const rows = new Set(
    result.methods.flatMap(({ uniquePicks }) => [...uniquePicks.odd, ...uniquePicks.missed].map(({ row }) => row)),
  );
  const command = commandForAll(result.missing, result.reference);
  const page: ArenaPage = {
    result,
    ...(await gallery(project, result.dataset, [...rows], watch)),
    missing: result.missing.map((one) => ({
      id: one.id,
      title: one.title,
      lacks: missingWords(one),
      cost: costWords(one.cost),
    })),
    missingCost: costWords(result.missingCost),
    advice: adviceOf(result),
    assumptions: assumptionWords(result.assumptions),
    ...(result.cost === undefined ? {} : { budget: budgetText(result).join(' ') }),
    sources: Object.fromEntries(result.methods.map((method) => [method.id, sourceWords(method)])),
    importing: `${IMPORT_WORDS}.`,
    ...(command === undefined ? {} : { commandForAll: command }),
  };
  return htmlPage({
    title: `${result.dataset} · Winnow arena`,
    heading: result.dataset,
    description: `What ${result.methods.length} methods choose of ${result.dataset} at a budget of ${result.budget}.`,
    text: arenaText(result),
    data: page,
    script: 'arena.js',
  });
}

async function gallery(
  project: Project,
  name: string,
  rows: readonly number[],
  { signal, progress }: Watch,
): Promise<Pick<ArenaPage, 'samples' | 'images'>> {
  const dataset = await project.dataset(name);
  const samples: ArenaPage['samples'] = {};
  const images: ArenaPage['images'] = {};
  const found = await dataset.get(rows);
  for (const [i, sample] of found.entries()) {
    signal?.throwIfAborted();
    progress?.(i, rows.length, 'making thumbnails');
    if (sample === null) continue;
    const row = rows[i]!;
    const path = sample.media.images[0]?.path;
    if (path !== undefined && images[path] === undefined) {
      const uri = await thumbnail(dataset, path, PICTURE);
      if (uri !== undefined) images[path] = uri;
    }
    samples[row] = {
      id: dataset.ids[row]!,
      question: shorten(instructionOf(sample), TEXT_LIMIT),
      answer: shorten(responseOf(sample), TEXT_LIMIT),
      source: dataset.sourceOf(row),
      image: path === undefined || images[path] === undefined ? undefined : path,
    };
  }
  progress?.(rows.length, rows.length, 'making thumbnails');
  return { samples, images };
}
