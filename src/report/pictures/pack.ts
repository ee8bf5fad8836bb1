import type { ReportPictures } from '../data.ts';
import type { PagePictures } from '../page.ts';

/** The pictures of the rows that the page shows, with the beginning that all links share written once. */
export function packPictures(
  pictures: ReportPictures | undefined,
  position: ReadonlyMap<number, number>,
): PagePictures | null {
  if (pictures === undefined) return null;
  const base = sharedFolder(pictures.list.flatMap(({ link }) => link ?? []));
  return {
    base,
    list: pictures.list.map((one) => ({ ...one, link: one.link?.slice(base.length) })),
    of: Object.fromEntries(
      Object.entries(pictures.of).flatMap(([row, places]) => {
        const i = position.get(Number(row));
        return i === undefined ? [] : [[i, places]];
      }),
    ),
  };
}

/** The folders that all addresses begin with, up to the last slash. */
function sharedFolder(links: readonly string[]): string {
  if (links.length === 0) return '';
  const [first, last] = [links.reduce((a, b) => (a < b ? a : b)), links.reduce((a, b) => (a > b ? a : b))];
  let same = 0;
  while (same < first.length && first[same] === last[same]) same++;
  return first.slice(0, first.lastIndexOf('/', same - 1) + 1);
}
