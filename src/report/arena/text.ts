import { timeText } from '../../cost/time.ts';
import type { Cost, CostAssumptions } from '../../experiment/arena/cost.ts';
import type { ArenaBudget, ArenaMethod, ArenaMissing, ArenaPlan, ArenaResult } from '../../experiment/arena/result.ts';
import type { Interval } from '../../numeric/statistics/statistics.ts';
import { fitLines } from '../../signals/fit/judge.ts';
import { count, duration, number, percent, shorten } from '../format.ts';
import { textTable as table } from '../text-table.ts';
import { adviceOf } from './advice.ts';
import { commandForAll, IMPORT_WORDS, missingWords } from './csv.ts';
import { necessityOf } from './necessity.ts';

/** What `winnow arena` prints: a line a method, what could not run and why, and what measuring it would cost. */
export function arenaText(result: ArenaResult, width = Number.POSITIVE_INFINITY): string {
  const { methods, random, missing, failed, quantities } = result;
  const has = (name: string): boolean => quantities.some((quantity) => quantity.name === name);
  const necessity = necessityOf(result);
  const shown = [
    ...(necessity === undefined ? [] : [{ name: necessity, head: 'necessity', text: number }]),
    ...(has('doctor/D007') ? [{ name: 'doctor/D007', head: 'duplicates', text: percent }] : []),
    ...(has('doctor/any') ? [{ name: 'doctor/any', head: 'errors', text: percent }] : []),
    ...(has('fault/any') ? [{ name: 'fault/any', head: 'faults', text: percent }] : []),
  ].map((one) => ({ ...one, at: quantities.findIndex(({ name }) => name === one.name) }));
  const chance = (at: number, other: number): string => `${number(result.overlap.ratio[at]![other], 1)}×`;
  const tokens = (text: string): string[] => (result.cost === undefined ? [] : [text]);
  const rows = [
    [
      'method',
      'kept',
      ...tokens('tokens'),
      ...shown.map(({ head }) => head),
      'most like',
      'from random',
      'p (Holm)',
      'time',
    ],
    ...methods.map((method, m) => [
      method.id,
      count(method.kept),
      ...tokens(count(method.tokens ?? 0)),
      ...shown.map(({ at, text }) => text(method.quantities[at]!.value)),
      nearest(result, m),
      `${number(method.distance.value, 1)} [${number(method.distance.lo, 1)}, ${number(method.distance.hi, 1)}]`,
      method.distance.adjusted < 0.001 ? '<0.001' : number(method.distance.adjusted, 3),
      method.reused ? 'reused' : duration(method.cost.seconds),
    ]),
    ...random.flatMap((one, r) => [
      [
        one.id,
        count(one.kept),
        ...tokens(count(one.tokens ?? 0)),
        ...shown.map(({ at, text }) => text(one.quantities[at]!.mean)),
        `chance ${chance(methods.length + r, methods.length + r)}`,
        ...['', '', `${one.seeds} seeds`],
      ],
      ...(shown.length === 0
        ? []
        : [
            [
              '  95 % of seeds',
              '',
              ...tokens(''),
              ...shown.map(({ at, text }) => range(one.quantities[at]!, text)),
              '',
              '',
              '',
              '',
            ],
          ]),
    ]),
  ];
  return [
    ...(result.fit === undefined ? [] : [...fitLines(result.fit), '']),
    `${count(methods.length)} of ${count(methods.length + missing.length + failed.length)} methods chose from the ${count(result.rows)} samples of ${result.dataset} at a budget of ${result.budget}, beside random subsets.`,
    ...budgetText(result),
    ...result.notes,
    '',
    ...table(rows, width),
    '',
    `"from random" is the largest distance of any quantity, in standard deviations of ${count(result.draws)} random subsets of the same size [and what 95 % of those reach].`,
    '',
    ...adviceLines(result),
    ...(failed.length === 0 ? [] : ['', 'Failed:', ...failed.map((one) => `  ${one.id}: ${one.error.message}`)]),
    ...missingText(missing, result.missingCost, result.assumptions, result.reference),
  ].join('\n');
}

/** Which method to try first, and why. */
function adviceLines(result: ArenaResult): string[] {
  const { first, why } = adviceOf(result);
  return first === null ? why : [`Try ${first} first:`, ...why.map((text) => `  ${text}`)];
}

/** What `winnow arena --dry-run` prints. */
export function arenaPlanText(plan: ArenaPlan, width = Number.POSITIVE_INFINITY): string {
  return [
    `${plan.cost === undefined ? '' : 'About '}${count(plan.requested)} of ${count(plan.rows)} samples of ${plan.dataset} (budget ${plan.budget}, seed ${plan.seed}) would be chosen by ${count(plan.runs.length)} methods, beside random subsets:`,
    ...budgetText(plan),
    ...table(
      plan.runs.map(({ id, title, columns }) => [id, title, columns.join(', ') || 'no column']),
      width,
    ),
    ...(plan.free.length === 0 ? [] : [`Measured first, without a model: ${plan.free.join(', ')}.`]),
    ...missingText(plan.missing, plan.missingCost, plan.assumptions, plan.reference),
    '',
    timeText(plan.time),
    'Dry run: nothing was done.',
  ].join('\n');
}

/** What a budget by cost comes to; nothing of one in samples. */
export function budgetText({ budget, cost }: ArenaBudget): string[] {
  if (cost === undefined) return [];
  const limit =
    cost.unit === 'tokens' ? `A budget of ${budget}` : `${budget} are ${count(cost.limit)} tokens: ${cost.assumptions}`;
  return [`${limit}. Tokens are ${cost.tokens}.`];
}

/** `2.9 to 7.2 %` */
function range({ lo, hi }: Interval, text: (value: number) => string): string {
  return `${text(lo).replace(' %', '')} to ${text(hi)}`;
}

function missingText(
  missing: ArenaMissing[],
  all: Cost,
  assumptions: CostAssumptions,
  reference: string | undefined,
): string[] {
  if (missing.length === 0) return [];
  const command = commandForAll(missing, reference);
  return [
    '',
    'Could not run, and what is missing:',
    ...missing.flatMap((one) => [`  ${one.id}: ${missingWords(one)}`, `      ${costWords(one.cost)}`]),
    '',
    `All of it together, passes shared: ${costWords(all)}.`,
    ...(command === undefined ? [] : [`  ${command}`]),
    assumptionWords(assumptions),
    `${IMPORT_WORDS}.`,
  ];
}

/** `2 forward passes a sample, about 3.1 GPU-hours` */
export function costWords(cost: Cost): string {
  const { gpuHours, unknown } = cost;
  const known = passWords(cost) === '' ? [] : [`${passWords(cost)} a sample, about ${hours(gpuHours)}`];
  const open = unknown.length === 0 ? [] : [`no estimate for ${unknown.join(', ')}`];
  return [...known, ...open].join('; ') || 'no pass of a model';
}

/** `2 forward passes`, `8 forward and 1 backward passes`, `1 pass of an encoder`; empty for none. */
function passWords({ forward, backward, encoder }: Cost): string {
  const shown = (value: number): string => number(value, Number.isInteger(value) ? 0 : 2);
  const large = [
    ...(forward > 0 ? [`${shown(forward)} forward`] : []),
    ...(backward > 0 ? [`${shown(backward)} backward`] : []),
  ];
  const plural = forward + backward === 1 ? 'pass' : 'passes';
  const small =
    encoder === 0 ? [] : [`${shown(encoder)} ${encoder === 1 ? 'pass of an encoder' : 'passes of encoders'}`];
  return [...(large.length === 0 ? [] : [`${large.join(' and ')} ${plural}`]), ...small].join(' and ');
}

/** GPU-hours with two digits that count. */
function hours(value: number): string {
  return `${value >= 10 ? number(value, 0) : Number(value.toPrecision(2))} GPU-hours`;
}

/** What estimates rest on. */
export function assumptionWords(assumed: CostAssumptions): string {
  const { params, imageTokens, imageRule, textTokens, images, peak, utilisation } = assumed;
  const counted = typeof imageRule === 'string' ? ` (as ${imageRule} counts them)` : '';
  return `Estimates assume one H100 at ${percent(utilisation, 0)} of ${number(peak / 1e12, 0)} TFLOP/s, a model of ${params.target} and a proxy of ${params.proxy} billion parameters, and what this data set has: ${number(images, 2)} images of ${number(imageTokens, 0)} tokens${counted} and ${number(textTokens, 0)} tokens of text a sample. A backward pass counts as two forward ones.`;
}

function nearest({ overlap, methods }: ArenaResult, m: number): string {
  let best = -1;
  methods.forEach((_, other) => {
    if (other === m || !Number.isFinite(overlap.jaccard[m]![other])) return;
    if (best < 0 || overlap.jaccard[m]![other]! > overlap.jaccard[m]![best]!) best = other;
  });
  return best < 0 ? '–' : `${shorten((methods[best] as ArenaMethod).id, 32)} ${percent(overlap.jaccard[m]![best], 0)}`;
}
