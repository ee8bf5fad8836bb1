import type { Fit, FitNumbers, FitVerdict, MeanNecessity } from './measure.ts';

/** What the judgement is about, for its words. */
export interface FitSubject {
  model: string;
  dataset: string;
  /** Column of the necessity that is meant. */
  column: string;
  /** The command that tunes a proxy on this data and measures again; null where the model can't be tuned here. */
  tuneCommand: string | null;
  /** The command that measures the losses again. */
  scoreCommand: string;
}

const nats = (value: number): string => `${value.toFixed(2)} nats/token`;
const signed = (value: number): string => `${value > 0 ? '+' : value < 0 ? '−' : ''}${Math.abs(value).toFixed(2)}`;

/** Says whether a model fits, by the rule of `FitVerdict`. Numbers are compared unrounded. */
export function judgeFit(numbers: FitNumbers | undefined, subject: FitSubject): Fit {
  const { loss = null, unigram = null, vocabulary = null, rows = 0, tunedOn = 0, heldApart = false } = numbers ?? {};
  const uniform = vocabulary === null ? null : Math.log(vocabulary);
  const necessity = numbers?.necessity[subject.column] ?? null;
  const faults = [...lossFaults(loss, uniform, unigram, vocabulary), ...necessityFaults(necessity)];
  const isUnclear = necessity !== null && (necessity.lo ?? 0) <= 0 && !helpsMoreThanHurts(necessity);
  const isUnknown = loss === null || unigram === null;
  const verdict = faults.length > 0 ? 'misfit' : isUnknown ? 'unknown' : isUnclear ? 'unclear' : 'fits';
  const reasons = (): string => {
    if (verdict === 'misfit') return faults.join(' ');
    return verdict === 'unknown' ? notMeasured(rows, loss) : soundReason(loss!, unigram!, necessity, verdict);
  };
  const apart = tunedOn === 0 ? '' : ` ${tunedSentence(tunedOn, heldApart)}`;
  return {
    verdict,
    model: subject.model,
    dataset: subject.dataset,
    n: rows,
    loss,
    uniform,
    unigram,
    necessity,
    tunedOn,
    heldApart,
    reason: `${reasons()}${apart}`,
    wayOut: wayOut(verdict, subject),
  };
}

function lossFaults(
  loss: number | null,
  uniform: number | null,
  unigram: number | null,
  vocabulary: number | null,
): string[] {
  if (loss === null) return [];
  if (uniform !== null && loss >= uniform) {
    return [
      `It predicts the answers worse than a blind guess: its mean loss with the image is ${nats(loss)}, a guess among its ${vocabulary!.toLocaleString('en-US')} tokens has ${uniform.toFixed(2)}.`,
    ];
  }
  if (unigram === null || loss < unigram) return [];
  return [
    `It predicts the answers no better than their own frequencies do: its mean loss with the image is ${nats(loss)}, the frequencies of the answers' tokens alone give ${unigram.toFixed(2)}.`,
  ];
}

function necessityFaults(necessity: MeanNecessity | null): string[] {
  if (necessity === null || necessity.mean > 0) return [];
  return [
    `On average the image does not help it: mean S is ${necessityText(necessity)}. Either it does not see what these pictures show, or the answers do not need them.`,
  ];
}

/** Sign test at 95 %, two-sided: whether the image helps more rows than it hurts. */
const helpsMoreThanHurts = ({ helped, hurt }: MeanNecessity): boolean =>
  helped + hurt >= 10 && helped - hurt > 1.959963985 * Math.sqrt(helped + hurt);

function necessityText({ mean, lo, hi, rows }: MeanNecessity): string {
  const interval = lo === null || hi === null ? '' : ` (95 % ${signed(lo)} to ${signed(hi)})`;
  return `${signed(mean)} nats/token${interval} over ${rows.toLocaleString('en-US')} ${rows === 1 ? 'row' : 'rows'}`;
}

function notMeasured(rows: number, loss: number | null): string {
  if (rows === 0 || loss === null) return 'No loss with the image has been measured for these rows.';
  return `The tokens of the answers were not recorded with these losses, so that ${nats(loss)} can't be held against their frequencies.`;
}

function soundReason(loss: number, unigram: number, necessity: MeanNecessity | null, verdict: FitVerdict): string {
  const better = `Its mean loss with the image is ${nats(loss)}, the frequencies of the answers' tokens alone give ${unigram.toFixed(2)}`;
  if (necessity === null) return `${better}. No row has an image.`;
  const count = (rows: number): string => rows.toLocaleString('en-US');
  const rows = `the image helps ${count(necessity.helped)} of them and hurts ${count(necessity.hurt)}`;
  const helps = `mean S is ${necessityText(necessity)}; ${rows}`;
  return verdict === 'fits'
    ? `${better}; ${helps}.`
    : `${better}; ${helps}: not enough to say that the image helps it.`;
}

function tunedSentence(tunedOn: number, heldApart: boolean): string {
  const rows = `${tunedOn.toLocaleString('en-US')} rows of this data set`;
  return heldApart
    ? `It was tuned on ${rows}; they are scored like the others and left out of this judgement.`
    : `It was tuned on ${rows}, and too few others are measured to judge by them alone: expect worse on data that it has not seen.`;
}

function wayOut(verdict: FitVerdict, { tuneCommand, scoreCommand }: FitSubject): string | null {
  if (verdict === 'fits') return null;
  if (verdict === 'unknown') return `Measure with this version of Winnow: ${scoreCommand}`;
  const other = 'Measure with a model that knows such pictures (winnow score loss --model FOLDER)';
  return tuneCommand === null
    ? `${other}.`
    : `${other}, or tune this one on a random part of this data and measure again: ${tuneCommand}`;
}

/** The judgement in one line of its own, before any number of the model. */
export function fitHeadline({ verdict, model }: Fit): string {
  return {
    fits: `${model} fits this data.`,
    misfit: `${model} does not fit this data: its necessity says nothing about these samples.`,
    unclear: `It is not clear whether ${model} fits this data.`,
    unknown: `It is not known whether ${model} fits this data.`,
  }[verdict];
}

/** Headline, reason and way out, one a line. */
export function fitLines(fit: Fit): string[] {
  return [fitHeadline(fit), fit.reason, ...(fit.wayOut === null ? [] : [fit.wayOut])];
}
