import type { SelectorInput } from '../selector.ts';
import { GRADIENTS, numbers } from './pools.ts';

/** How to try a selector. */
export interface Trial {
  /** Options in every test: those without a default, and what keeps a default of many clusters or neighbours small. */
  options?: Record<string, unknown>;
  /**
   * Options for P4, when the defaults group rows by something that depends on row order (k-means). Absent: P4 doesn't
   * apply.
   */
  permutable?: Record<string, unknown>;
  /** The one column it ranks by, for P6 to P8. */
  score?: string;
  /** True where a larger budget keeps what a smaller one kept. @default whether there is a score */
  prefix?: boolean;
  /** P7: columns that are scaled together. @default the score */
  scaled?: string[];
  /** P8: columns that must be finite in every kept row. @default the score */
  finite?: string[];
  /**
   * For methods that leave rows out by their score (true: those that aren't positive): P5 then allows a declared
   * shortfall.
   */
  filters?: true | ((input: SelectorInput) => number);
  /** Rows and options of P12, where a hundred thousand rows take too long for a test. */
  large?: { rows?: number; options?: Record<string, unknown> };
}

/** One for every selector. */
export const TRIALS: Record<string, Trial> = {
  visnec: { permutable: { labels: 'label' }, score: 'necessity', filters: true },
  top: { permutable: {}, score: 'necessity' },
  weighted: {
    options: { weights: 'necessity=1,clip_score=-0.5' },
    prefix: true,
    finite: ['necessity', 'clip_score'],
    scaled: ['clip_score'],
  },
  random: {},
  xmas: { permutable: { labels: 'label' }, scaled: ['attention_sv'], large: { options: { k: 20 } } },
  coincide: { scaled: ['coincide'], large: { rows: 20_000, options: { k: 40 } } },
  semdedup: { prefix: true, scaled: ['hidden'], large: { options: { k: 40 } } },
  d2: { prefix: true, scaled: ['aum'], finite: ['aum'], large: { rows: 20_000 } },
  'self-sup': { options: { keep: 'near' }, prefix: true, scaled: ['image'], large: { options: { k: 40 } } },
  typiclust: { scaled: ['dino'], large: { rows: 10_000, options: { k: 40 } } },
  'facility-location': { prefix: true, scaled: ['image'], large: { rows: 10_000 } },
  'farthest-point': { prefix: true, scaled: ['image'], large: { rows: 5000 } },
  el2n: { permutable: {}, score: 'el2n' },
  aum: { permutable: {}, score: 'aum' },
  'clip-score': { permutable: {}, score: 'clip_score' },
  'mid-ppl': { permutable: {}, score: 'nll_mm', prefix: false },
  learnability: {
    permutable: { initial: 'nll_blind', final: 'nll_mm' },
    prefix: true,
    scaled: ['nll_trajectory'],
    finite: ['nll_blind', 'nll_mm'],
  },
  ifd: {
    permutable: {},
    prefix: true,
    scaled: ['nll_mm', 'nll_direct'],
    finite: ['nll_mm', 'nll_direct'],
    filters: (input) =>
      numbers(input, 'nll_mm').filter((loss, row) => loss / numbers(input, 'nll_direct')[row]! <= 1).length,
  },
  'self-filter': {
    permutable: {},
    prefix: true,
    scaled: ['selffilter'],
    finite: ['selffilter', 'clip_image', 'clip_text'],
    large: { rows: 20_000 },
  },
  coido: { permutable: {}, score: 'coido' },
  magic: { permutable: {}, scaled: ['bridging'], finite: ['necessity', 'bridging'] },
  dics: { permutable: {}, finite: ['vic', 'ric', 'hidden'], large: { rows: 20_000 } },
  less: { permutable: {}, prefix: true, finite: GRADIENTS.slice(0, 4) },
  icons: { permutable: {}, finite: ['gradient_1'] },
  'rds-plus': { permutable: {}, prefix: true, scaled: ['rds'], finite: ['rds'] },
  datainf: { permutable: {}, prefix: true, finite: ['gradient_1'] },
  s2l: { finite: ['nll_trajectory'], large: { rows: 20_000, options: { k: 10 } } },
  tive: { scaled: ['gradient_norm'], finite: ['gradient_last', 'gradient_norm'] },
  presel: { large: { rows: 20_000 } },
  // Not P4: few rows all have the same leverage; src/select/leverage.test.ts has it for many.
  scalselect: { scaled: ['vision_repr'], finite: ['vision_repr'] },
  // Not P4 for these two: sums of ranks and whole ratings tie, and ties go by row.
  datatailor: { finite: ['informativeness', 'tau', 'turns', 'hidden'], large: { rows: 10_000 } },
  mmssr: {
    finite: ['capabilities'],
    filters: ({ columns, rows }) => {
      const { data } = columns.capabilities as { data: Float32Array };
      return Array.from({ length: rows }, (_, row) => data.subarray(3 * row, 3 * row + 3)).filter((own) =>
        own.some((score) => score > 0),
      ).length;
    },
  },
  'adapt-inf': { scaled: ['nll_mm', 'el2n', 'gradient_norm'], finite: ['nll_mm', 'el2n', 'gradient_norm'] },
  // Not P4: of two rows each is as correlated with the other, and the tie goes by row.
  prism: { prefix: true, scaled: ['visual'], finite: ['visual'] },
  cvs: { permutable: {}, prefix: true, finite: ['verdict_question', 'verdict_answer'] },
};
