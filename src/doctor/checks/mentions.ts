import type { CheckGroup } from './check.ts';
import { type RowCheck, rowGroup } from './row-check.ts';
import { quote, textsOf } from './texts.ts';

const NOUN = '(?:image|picture|photo|photograph)';
/** `the image`, but not the image of a function, nor a profile picture that is spoken of. */
const THE_IMAGE = new RegExp(
  `\\b(?:the|this|that|these|those|both|given|provided|attached|shown|above|following) ${NOUN}s?\\b(?! of (?:a |the )?(?:function|map|set))`,
  'i',
);
const ORDINALS = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth'];
const NUMBERED = new RegExp(
  `\\b(${ORDINALS.join('|')}|\\d(?:st|nd|rd|th)) ${NOUN}\\b|\\b${NOUN} (?:#|no\\. ?|number )?(\\d)\\b`,
  'gi',
);

function numberIn(match: RegExpMatchArray): number {
  const [, ordinal, digit] = match;
  if (digit !== undefined) return Number(digit);
  const place = ORDINALS.indexOf(ordinal!.toLowerCase());
  return place >= 0 ? place + 1 : Number.parseInt(ordinal!, 10);
}

const missingImage: RowCheck = {
  code: 'D207',
  severity: 'warn',
  title: "the question speaks of an image that isn't there",
  why: 'The model learns to answer about pictures without one: it learns to make things up.',
  advice: 'Find the missing image, or leave the row out.',
  check({ sample }) {
    if (sample === null || sample.media.videos.length > 0) return undefined;
    const have = sample.media.images.length;
    for (const { role, text } of textsOf(sample)) {
      if (role !== 'user') continue;
      for (const match of text.matchAll(NUMBERED)) {
        if (numberIn(match) > have) return `${quote(match[0])} with ${have} image${have === 1 ? '' : 's'}`;
      }
      const match = have === 0 ? THE_IMAGE.exec(text) : null;
      if (match !== null) return `${quote(match[0])} without an image`;
    }
    return undefined;
  },
};

/** What the questions say of the images, against the images. */
export const mentions: CheckGroup = rowGroup({ name: 'text', order: 90 }, [missingImage]);
