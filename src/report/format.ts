import { formatDuration } from '../base/phrases.ts';
import { NECESSITY_CLASSES, type NecessityClass } from '../select/kit/necessity-class.ts';
import { describeReason, REASON_TEXTS, type ReasonCode } from '../select/reasons.ts';
/** The words and number formats that the page and the terminal share. Pure: it is bundled into the page too. */

export const CLASSES = NECESSITY_CLASSES;

export const CLASS_TITLE: Record<NecessityClass, string> = {
  critical: 'Critical',
  redundant: 'Redundant',
  neither: 'Neither',
  misaligned: 'Misaligned',
  'text-only': 'Text only',
};

/** What a class is in terms of losses. */
const CLASS_MEANING: Record<NecessityClass, string> = {
  critical: 'the image makes the answer likelier',
  redundant: 'the image changes nothing, and the text alone gives the answer',
  neither: 'the image changes nothing, and the text does not give the answer either',
  misaligned: 'the image makes the answer less likely',
  'text-only': 'no image',
};

/** What it says of a sample, where the model that measured it fits the data. */
export const CLASS_READING: Record<NecessityClass, string> = {
  critical: 'teach the model to look',
  redundant: 'can be answered blind',
  neither: 'are answered by neither image nor text',
  misaligned: 'contradict their image',
  'text-only': 'have no image',
};

/** What a class means; what it says of the samples only where the model fits them. */
export function classMeaning(name: NecessityClass, isReadable: boolean): string {
  return isReadable && name !== 'text-only'
    ? `${CLASS_MEANING[name]}: these ${CLASS_READING[name]}`
    : CLASS_MEANING[name];
}

/** Rounds half up (away from zero), as people expect. */
export function roundHalfUp(value: number, digits: number): number {
  const scale = 10 ** digits;
  return (Math.sign(value) * Math.round(Math.abs(value) * scale * (1 + Number.EPSILON))) / scale;
}

/** `12,345` */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** `0.31`, with a true minus sign. */
export function number(value: number | null | undefined, digits = 2): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const rounded = roundHalfUp(value, digits);
  return (rounded < 0 ? '−' : '') + Math.abs(rounded).toFixed(digits);
}

/** `+0.31` or `−0.31`. */
export function signed(value: number | null | undefined, digits = 2): string {
  const text = number(value, digits);
  return value !== null && value !== undefined && value > 0 && text !== '–' ? `+${text}` : text;
}

/** `14.2 %` from a share of 0 to 1. */
export function percent(share: number | null | undefined, digits = 1): string {
  if (share === null || share === undefined || !Number.isFinite(share)) return '–';
  return `${number(share * 100, digits)} %`;
}

/** `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min` */
export function duration(seconds: number): string {
  if (seconds < 10) return `${number(seconds, 1)} s`;
  return formatDuration(seconds);
}

/** Shortens to `limit` characters at most, whitespace joined, without cutting a surrogate pair. */
export function shorten(text: string, limit: number): string {
  const flat = text.replace(/\s+/gu, ' ').trim();
  if (flat.length <= limit) return flat;
  const cut = [...flat.slice(0, limit)].slice(0, -1).join('');
  return `${cut.replace(/[\uD800-\uDBFF]$/u, '')}…`;
}

/** Options as `variant=paper, clusters=20`: what differs from sample to sample of the table, nothing nested. */
export function optionsText(options: Readonly<Record<string, unknown>>): string {
  return Object.entries(options)
    .filter(([, value]) => value !== undefined && value !== null && value !== '')
    .map(([key, value]) => `${key}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join(', ');
}

export interface ReasonFacts {
  kept: boolean;
  code: string;
  rank?: number | null;
  cluster?: number | null;
  candidates?: number | null;
  quota?: number | null;
  necessity?: number | null;
  score?: number | null;
}

/** One sentence on why a sample was kept or dropped. Unknown codes are shown as they are. */
export function reasonText(facts: ReasonFacts): string {
  const where = facts.cluster != null && facts.cluster >= 0 ? ` in cluster ${facts.cluster}` : '';
  const of = facts.candidates != null ? ` of ${count(facts.candidates)} candidates` : '';
  const rank = facts.rank != null ? `rank ${count(facts.rank)}${of}${where}` : `a candidate${where}`;
  const unknown = facts.rank != null ? `: ${rank}` : where;
  const quota = facts.quota != null ? ` (quota ${count(facts.quota)})` : '';
  const s = facts.necessity != null ? ` Its necessity is ${signed(facts.necessity, 3)}.` : '';
  const sentences: Record<string, string> = {
    'kept-top': `Kept: ${rank}${quota}.`,
    redistributed: `Kept with places that other clusters could not fill: ${rank}${quota}.`,
    random: 'Kept: drawn at random.',
    'not-drawn': 'Dropped: not drawn.',
    'below-quota': `Dropped: ${rank}; ${facts.quota != null ? `the quota of ${count(facts.quota)}` : 'the budget'} was filled by higher ones.`,
    'not-positive': `Dropped: the image does not lower its loss.${s}`,
    'below-minimum': `Dropped: its score is not above the minimum that was asked for.${s}`,
    nan: 'Dropped: its score is missing.',
    'no-cluster': 'Dropped: it belongs to no cluster, because its embedding is missing.',
    excluded: 'Left out before the selection: the sample was set aside.',
    'text-only': 'Dropped: it has no image, and such samples are left out.',
    'text-only-drawn': 'Kept: drawn at random for the share of samples without an image.',
    'text-only-not-drawn': 'Dropped: not drawn for the share of samples without an image.',
  };
  return sentences[facts.code] ?? plainReason(facts) ?? `${facts.kept ? 'Kept' : 'Dropped'} (${facts.code})${unknown}.`;
}

/** The sentence that the selection itself has for a code, as a sentence of its own. */
function plainReason({ kept, code, rank, score }: ReasonFacts): string | undefined {
  if (!(code in REASON_TEXTS)) return undefined;
  const known = { rank: rank ?? undefined, score: score ?? undefined };
  const text = describeReason({ row: 0, kept, code: code as ReasonCode, ...known });
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}
