import type { ArenaMethod, ArenaStage, OddRow } from '../../../../experiment/arena/result.ts';
import { count, duration, number, percent } from '../../../format.ts';
import { h, table } from '../../../web/dom.ts';
import { addressOf, images, page, result, samples } from '../../web/data.ts';

/** A method's own page. */
export function methodView(method: ArenaMethod): HTMLElement {
  const others = result.methods.length - 1;
  const at = result.methods.indexOf(method);
  const neighbour = (step: number) => result.methods[(at + step + result.methods.length) % result.methods.length]!;
  return h(
    'article',
    { class: 'method', 'aria-labelledby': 'method-title' },
    h(
      'p',
      { class: 'way' },
      h('a', { href: '#side' }, 'All methods'),
      others > 0 ? h('a', { href: addressOf(neighbour(-1).id) }, `← ${neighbour(-1).id}`) : null,
      others > 0 ? h('a', { href: addressOf(neighbour(1).id) }, `${neighbour(1).id} →`) : null,
    ),
    h('h2', { id: 'method-title', tabindex: -1 }, method.title),
    method.stages.length > 1 ? null : aboutMethod(method.stages[0]!),
    facts(method),
    method.stages.length > 1
      ? method.stages.flatMap((stage, s) => [
          h('h3', null, `${s + 1}. ${stage.title}`),
          h(
            'p',
            null,
            `${count(stage.arrived)} rows reached it, ${count(stage.kept)} were kept (${count(stage.asked)} asked for).`,
          ),
          ...aboutMethod(stage),
          deviations(stage),
          options(stage),
        ])
      : [deviations(method.stages[0]!), h('h3', null, 'Options in force'), options(method.stages[0]!)],
    rules(method),
    h('h3', null, 'The same choice by itself'),
    h('pre', { class: 'wrapped' }, method.command),
    method.notes.length === 0
      ? null
      : h(
          'ul',
          { class: 'limits after' },
          method.notes.map((note) => h('li', null, note)),
        ),
    h('h3', null, 'Where it differs from random'),
    differences(method),
    gallery(
      'What it alone picked',
      method.uniquePicks.picked > 0
        ? `${count(method.uniquePicks.picked)} rows are kept by no other method.`
        : 'Every row it keeps is kept by another method too; these by the fewest.',
      method.uniquePicks.odd,
      others,
    ),
    gallery(
      'What it alone dropped',
      method.uniquePicks.dropped > 0
        ? `${count(method.uniquePicks.dropped)} rows are kept by every other method.`
        : 'No row is kept by all others; these are kept by the most.',
      method.uniquePicks.missed,
      others,
    ),
  );
}

function aboutMethod({ summary, formula, source }: ArenaStage): HTMLElement[] {
  return [
    h('p', { class: 'intro' }, summary),
    h('pre', { class: 'formula' }, formula),
    h('p', { class: 'quiet' }, source.startsWith('no source') ? `N${source.slice(1)}.` : `Source: ${source}.`),
  ];
}

function options({ options: inForce }: ArenaStage): HTMLElement {
  return h(
    'dl',
    { class: 'pairs' },
    Object.entries(inForce).map(([name, value]) =>
      h(
        'div',
        null,
        h('dt', null, name),
        h('dd', null, h('code', null, typeof value === 'string' ? value : JSON.stringify(value))),
      ),
    ),
  );
}

function rules({ id }: ArenaMethod): HTMLElement | null {
  const words = page.sources[id] ?? [];
  if (words.length === 0) return null;
  return h(
    'div',
    null,
    h('h3', null, 'Rules for sources'),
    h(
      'ul',
      { class: 'limits after' },
      words.map((text) => h('li', null, text)),
    ),
  );
}

function facts(method: ArenaMethod): HTMLElement {
  const { distance, shortfall, cost } = method;
  const tile = (label: string, value: string, note: string): HTMLElement =>
    h(
      'div',
      { class: 'tile' },
      h('dt', null, label),
      h('dd', null, h('b', null, value), h('span', { class: 'quiet' }, note)),
    );
  return h(
    'dl',
    { class: 'tiles' },
    tile(
      'Rows kept',
      count(method.kept),
      shortfall === undefined
        ? method.tokens === undefined
          ? `of ${count(method.requested)} asked for`
          : `${count(method.tokens)} tokens of ${count(result.cost!.limit)}`
        : `${count(shortfall.missing)} missing: ${shortfall.because}`,
    ),
    tile(
      'From random',
      number(distance.value, 1),
      `95 % of random subsets: ${number(distance.lo, 1)} to ${number(distance.hi, 1)}; p ${number(distance.adjusted, 3)} (Holm)`,
    ),
    tile('Choosing took', duration(cost.seconds), `${number(cost.bytes / 1e6, 1)} MB of columns`),
    tile(
      'Measuring takes',
      cost.measuring.unknown.length > 0 ? '?' : `${Number(cost.measuring.gpuHours.toPrecision(2))} h`,
      `estimated on one H100; ${passes(cost.measuring.forward)} forward, ${passes(cost.measuring.backward)} backward, ${passes(cost.measuring.encoder)} encoder passes`,
    ),
  );
}

const passes = (value: number): string => number(value, Number.isInteger(value) ? 0 : 2);

function deviations({ deviations: broken = [] }: ArenaStage): HTMLElement | null {
  if (broken.length === 0) return null;
  return h(
    'aside',
    { class: 'callout', 'aria-label': 'What the official variant does otherwise' },
    h('h3', null, 'What the official variant does otherwise'),
    broken.map((text) => h('p', null, text)),
  );
}

function differences(method: ArenaMethod): HTMLElement {
  const rows = method.quantities
    .map((quantity, q) => ({ ...quantity, info: result.quantities[q]! }))
    .filter(({ z }) => z !== null && Number.isFinite(z))
    .sort((a, b) => Math.abs(b.z) - Math.abs(a.z))
    .slice(0, 12);
  const text = (row: (typeof rows)[number], value: number): string =>
    row.info.group === 'signal' ? number(value, Math.abs(value) >= 100 ? 0 : 3) : percent(value);
  return table<(typeof rows)[number]>(
    'Quantities that differ most from random subsets',
    [
      { label: 'Quantity', cell: (row) => row.info.title },
      { label: 'Subset', numeric: true, cell: (row) => text(row, row.value) },
      { label: 'Random, 95 %', numeric: true, cell: (row) => `${text(row, row.lo)} to ${text(row, row.hi)}` },
      { label: 'z', numeric: true, cell: (row) => number(row.z, 1) },
      { label: 'Beyond chance', cell: (row) => (row.outside ? 'yes' : 'no') },
    ],
    rows,
    'dense pack',
  );
}

function gallery(title: string, intro: string, rows: readonly OddRow[], others: number): HTMLElement | null {
  const shown = rows.flatMap((row) => (samples[row.row] === undefined ? [] : [{ ...row, sample: samples[row.row]! }]));
  if (shown.length === 0) return null;
  return h(
    'div',
    { class: 'group' },
    h('h3', null, title),
    h('p', { class: 'quiet' }, intro),
    h(
      'div',
      { class: 'cards' },
      shown.map(({ sample, votes, planted }) =>
        h(
          'article',
          { class: 'card' },
          sample.image === undefined
            ? null
            : h(
                'div',
                { class: 'pictures' },
                h('img', { src: images[sample.image]!, alt: `Picture of sample ${sample.id}` }),
              ),
          h(
            'div',
            { class: 'card-body' },
            h(
              'h4',
              { class: 'card-id' },
              h('span', null, sample.id),
              h('span', { class: 'fate' }, `${votes} of ${others} others keep it`),
            ),
            sample.question === '' ? null : h('p', { class: 'question' }, sample.question),
            sample.answer === '' ? null : h('p', { class: 'answer' }, sample.answer),
            h(
              'p',
              { class: 'quiet small' },
              [sample.source, planted === undefined ? null : `planted: ${planted}`]
                .filter((part) => part !== null)
                .join(' · '),
            ),
          ),
        ),
      ),
    ),
  );
}
