/** What the generated samples of the example report are about, and their pictures. */
export const COLOURS = ['red', 'green', 'blue', 'yellow', 'purple', 'orange'] as const;
export const HEX = {
  red: '#d1483d',
  green: '#3f9b5b',
  blue: '#3c76c4',
  yellow: '#dfb93a',
  purple: '#8a5bb5',
  orange: '#e08a3c',
};
export const SHAPES = ['circle', 'square', 'triangle'] as const;
export const TOPICS: readonly {
  terms: string[];
  ask: (c: string, s: string) => string;
  answer: (c: string, s: string, n: number) => string;
}[] = [
  { terms: ['color', 'circle', 'what'], ask: (_, s) => `What color is the ${s}?`, answer: (c) => c },
  { terms: ['how', 'many', 'count'], ask: (_, s) => `How many ${s}s are there?`, answer: (_c, _s, n) => String(n) },
  {
    terms: ['left', 'right', 'side'],
    ask: (c, s) => `Is the ${c} ${s} on the left or on the right?`,
    answer: (_c, _s, n) => (n % 2 ? 'left' : 'right'),
  },
  {
    terms: ['there', 'any', 'exists'],
    ask: (c, s) => `Is there a ${c} ${s} in the picture?`,
    answer: (_c, _s, n) => (n % 2 ? 'yes' : 'no'),
  },
  {
    terms: ['describe', 'scene', 'sentence'],
    ask: () => 'Describe the scene in one sentence.',
    answer: (c, s) => `There is a ${c} ${s} in the upper left corner and a small square below it.`,
  },
  {
    terms: ['larger', 'smaller', 'size'],
    ask: (c, s) => `Which is larger, the ${c} ${s} or the square?`,
    answer: (c, s) => `the ${c} ${s}`,
  },
  {
    terms: ['above', 'below', 'relation'],
    ask: (c, s) => `What is above the ${c} ${s}?`,
    answer: (c) => `a ${c} triangle`,
  },
  {
    terms: ['same', 'different', 'compare'],
    ask: (_, s) => `Do both ${s}s have the same color?`,
    answer: (_c, _s, n) => (n % 2 ? 'yes' : 'no'),
  },
  {
    terms: ['corner', 'where', 'position'],
    ask: (c, s) => `In which corner is the ${c} ${s}?`,
    answer: (_c, _s, n) => ['upper left', 'upper right', 'lower left', 'lower right'][n % 4]!,
  },
  {
    terms: ['hidden', 'behind', 'overlap'],
    ask: (c, s) => `Which shape hides a part of the ${c} ${s}?`,
    answer: (_, s) => `the ${s}`,
  },
  {
    terms: ['statement', 'true', 'false'],
    ask: (c) => `True or false: there are exactly two ${c} blocks in a tower.`,
    answer: (_c, _s, n) => (n % 2 ? 'true' : 'false'),
  },
  {
    terms: ['caption', 'ocr', 'footer'],
    ask: () => 'Copy the footer of the page, word for word.',
    answer: () => 'page 1 of 1',
  },
];
export const FAULTS = [
  {
    key: 'text-answerable',
    title: 'Answer stands in the question',
    about: 'The question gives the answer away; no image is needed.',
  },
  {
    key: 'misaligned',
    title: 'Answer of another image',
    about: 'The answer belongs to a different picture and is wrong for this one.',
  },
  { key: 'duplicate', title: 'Near-duplicate', about: 'The same question about an almost identical picture.' },
  { key: 'prior', title: 'Guessable from habit', about: 'The usual answer is the right one nine times in ten.' },
  { key: 'boilerplate', title: 'Boilerplate', about: 'One phrase repeated, in a cluster of its own.', ownCluster: 11 },
];

/** A linear congruential generator: this file needs no more, and nothing here is a result. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 0x1000000;
  };
}

/** A small picture with a shape of a colour, and others beside it. */
export async function thumbnail(fill: string, shape: string, k: number, random: () => number): Promise<string> {
  const { default: sharp } = await import('sharp');
  const marks = Array.from({ length: k + 2 }, (_, j) => {
    const size = 14 + 22 * random();
    const x = 24 + 112 * random();
    const y = 24 + 112 * random();
    const paint = j === 0 ? fill : Object.values(HEX)[Math.floor(random() * 6)]!;
    const kind = j === 0 ? shape : SHAPES[Math.floor(random() * 3)]!;
    if (kind === 'circle') return `<circle cx="${x}" cy="${y}" r="${size}" fill="${paint}"/>`;
    if (kind === 'square')
      return `<rect x="${x - size}" y="${y - size}" width="${2 * size}" height="${2 * size}" fill="${paint}"/>`;
    return `<path d="M${x} ${y - size}L${x + size} ${y + size}H${x - size}Z" fill="${paint}"/>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="160" height="160"><rect width="160" height="160" fill="#f1eee6"/>${marks.join('')}</svg>`;
  const png = await sharp(Buffer.from(svg)).webp({ quality: 70 }).toBuffer();
  return `data:image/webp;base64,${png.toString('base64')}`;
}
