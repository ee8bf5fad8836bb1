import { WinnowError } from '../../base/errors.ts';
import type { Sample } from '../../dataset/sample.ts';
import type { HttpVariant } from '../measured/row-loss.ts';
import { alignAnswers, imageTokens } from './align.ts';
import { type Ask, asksOf, shownImages, withoutImages } from './ask.ts';
import type { Backend } from './backend.ts';

/** Losses of one row's answer tokens in each pass, nats. */
export interface RowPasses {
  multimodal: number[];
  /** Ids of the answer tokens. */
  ids: number[];
  blind: Partial<Record<HttpVariant, number[]>>;
  texts: (string | null)[];
  imageTokens: number;
}

/** The passes of a row, or the fault that is its own. */
export type RowOutcome = RowPasses | WinnowError;

/** Data URI of an image of the data set, or of its grey stand-in. */
export type ImageSource = (path: string, what: 'image' | 'grey') => Promise<string>;

/**
 * Score a row with its images and in each blind variant.
 * @throws WinnowError for a row that can't be scored, and for a server that can't score
 */
export async function scoreRow(
  sample: Sample,
  variants: readonly HttpVariant[],
  backend: Backend,
  load: ImageSource,
): Promise<RowPasses> {
  if (sample.media.videos.length > 0)
    throw new WinnowError({
      code: 'VIDEO_UNSUPPORTED',
      message: 'The sample has a video, which is not measured over HTTP.',
      hint: 'Leave samples with videos out: winnow filter.',
    });
  const asks = asksOf(sample.messages);
  if (asks.length === 0)
    throw new WinnowError({
      code: 'NO_RESPONSE_TOKENS',
      message: 'The sample has no assistant text, so nothing of it can be scored.',
      hint: 'Fix or drop the row.',
    });
  const row: RowPasses = {
    multimodal: [],
    ids: [],
    blind: Object.fromEntries(variants.map((variant) => [variant, []])),
    texts: [],
    imageTokens: 0,
  };
  const images = await loaded(sample, asks, 'image', load);
  const grey = variants.includes('http-grey') ? await loaded(sample, asks, 'grey', load) : undefined;
  for (const ask of asks) await scoreAsk(row, ask, variants, backend, { images, grey: grey ?? images });
  return row;
}

async function scoreAsk(
  row: RowPasses,
  ask: Ask,
  variants: readonly HttpVariant[],
  backend: Backend,
  { images, grey }: Record<'images' | 'grey', ReadonlyMap<number, string>>,
): Promise<void> {
  const bare = withoutImages(ask);
  const answer = await backend.answers(bare);
  const shown = shownImages(ask).length;
  const blind = (variant: HttpVariant) =>
    variant === 'http-drop' ? backend.score(bare, answer, new Map()) : backend.score(ask, answer, grey);
  // Without an image nothing can be taken away.
  const [seen, ...tails] = await Promise.all([
    backend.score(ask, answer, images),
    ...(shown === 0 ? [] : variants.map(blind)),
  ]);
  const found = alignAnswers(ask, answer, seen, shown === 0);
  row.multimodal.push(...found.losses);
  row.ids.push(...answer.spans.flatMap(({ start, end }) => answer.ids.slice(start, end)));
  row.texts.push(...found.texts);
  const without = tails[variants.indexOf('http-drop')]?.total ?? answer.ids.length;
  row.imageTokens = Math.max(row.imageTokens, imageTokens(shown, seen.total, without));
  variants.forEach((variant, v) => {
    const losses = shown === 0 ? found.losses : alignAnswers(ask, answer, tails[v]!, variant === 'http-drop').losses;
    row.blind[variant]!.push(...losses);
  });
}

async function loaded(
  sample: Sample,
  asks: readonly Ask[],
  what: 'image' | 'grey',
  load: ImageSource,
): Promise<ReadonlyMap<number, string>> {
  const images = new Map<number, string>();
  for (const image of new Set(asks.flatMap(shownImages))) {
    const ref = sample.media.images[image];
    if (ref === undefined)
      throw new WinnowError({
        code: 'IMAGE_MISSING',
        message: `The conversation refers to image ${image}, which the sample doesn't have.`,
        hint: 'Fix or drop the row.',
      });
    images.set(image, await load(ref.path, what));
  }
  return images;
}
