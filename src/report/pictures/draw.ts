import { count } from '../format.ts';
import { h } from '../web/dom.ts';
import { page, samples } from '../web/state.ts';

/** The picture inside of the page that stands for sample `i`, where it has one. */
export function embeddedPicture(i: number): string | undefined {
  const at = page.pictures?.of[i]?.find((place) => page.pictures!.list[place]!.embedded !== undefined);
  return at === undefined ? undefined : page.pictures!.list[at]!.embedded;
}

/** Every picture of sample `i`; words where it has none, or where one can't be shown. */
export function pictures(i: number): HTMLElement | null {
  if (page.pictures === null) return null;
  const places = page.pictures.of[i] ?? [];
  if (places.length === 0) return h('p', { class: 'no-picture quiet small' }, 'This sample has no picture.');
  return h(
    'div',
    { class: places.length > 1 ? 'pictures several' : 'pictures' },
    places.map((place, n) =>
      picture(place, `Picture ${places.length > 1 ? `${n + 1} ` : ''}of sample ${samples.id[i]}`),
    ),
  );
}

function picture(place: number, label: string): HTMLElement {
  const { embedded, link: rest, problem, video } = page.pictures!.list[place]!;
  const link = rest === undefined ? undefined : `${page.pictures!.base}${rest}`;
  if (problem !== undefined || (embedded === undefined && link === undefined))
    return missing(problem ?? 'This medium lies inside of the data set, where a page cannot open it.');
  if (video === true)
    return h('p', { class: 'no-picture small' }, h('a', { href: link, target: '_blank' }, 'Open the video'));
  const image = h('img', { src: embedded ?? link, alt: label });
  // A picture of few pixels is looked at pixel by pixel.
  image.addEventListener('load', () => {
    image.classList.toggle('few-pixels', Math.max(image.naturalWidth, image.naturalHeight) < 160);
  });
  if (embedded === undefined)
    image.addEventListener('error', () =>
      image.replaceWith(
        missing(
          `There is no picture at ${readable(link!)}. It is not part of this file: keep the page where it was made.`,
        ),
      ),
    );
  if (link === undefined) return image;
  return h('a', { class: 'whole', href: link, target: '_blank', title: 'Open the whole picture' }, image);
}

function missing(text: string): HTMLElement {
  return h('p', { class: 'no-picture quiet small' }, text);
}

function readable(address: string): string {
  try {
    return decodeURIComponent(address);
  } catch {
    return address;
  }
}

/** How many of the pictures travel with this file, in a sentence; empty where there are none. */
export function pictureSentence(): string {
  const all = page.pictures?.list.filter(({ video, problem }) => video !== true && problem === undefined) ?? [];
  const linked = all.filter(({ embedded }) => embedded === undefined).length;
  if (all.length === 0) return '';
  if (linked === 0) return `All ${count(all.length)} pictures are inside of this file.`;
  return (
    `${count(all.length - linked)} of ${count(all.length)} pictures are inside of this file; the others are read from ` +
    `${readable(page.pictures!.base)}, seen from this page, so they show while it stays where it was made.`
  );
}
