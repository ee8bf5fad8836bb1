import { count, number, percent } from '../../../format.ts';
import { h, section } from '../../../web/dom.ts';
import { addressOf, result } from '../../web/data.ts';
import { type MatrixCell, type MatrixLine, matrix } from '../../web/matrix.ts';

type Group = (typeof result.quantities)[number]['group'];

const places = (group: Group): number[] =>
  result.quantities.flatMap((quantity, q) => (quantity.group === group ? [q] : []));

/** Mean of every signal over every subset. */
export function signals(): HTMLElement | null {
  return quantitySection(
    'signal',
    'signals',
    'Signals: the mean over each subset',
    'Mean over the kept rows. The tint is the difference to the pool in standard deviations of single rows; an outlined number lies further from random than chance explains, all numbers of the method taken together.',
    (value) => plain(value),
    (value, _z, q) => (value - result.quantities[q]!.pool) / result.quantities[q]!.spread,
  );
}

/** Duplicates and other findings of the doctor that each subset keeps. */
export function findings(): HTMLElement | null {
  return quantitySection(
    'doctor',
    'doctor',
    'Findings of the doctor in each subset',
    'Rows of the subset in which the doctor found something, and their share, by code. Red is more than random subsets have, blue is less.',
    share,
    harm,
  );
}

/** Planted faults that each subset keeps. */
export function faults(): HTMLElement | null {
  return quantitySection(
    'fault',
    'faults',
    'Planted faults in each subset',
    'Rows that were made faulty on purpose, and their share of the subset. Red is more than random subsets have, blue is less.',
    share,
    harm,
  );
}

/** Share of the pool from which on a finding of the doctor is listed below the table instead of in it. */
const EVERYWHERE = 0.8;

const share = (value: number): string => percent(value);
/** Red from more than random subsets have, in their standard deviations: one rare row more or less is no colour. */
const harm = (_value: number, z: number): number => -z / 8;

function quantitySection(
  group: Group,
  id: string,
  title: string,
  intro: string,
  text: (value: number, q: number) => string,
  tint: (value: number, z: number, q: number) => number,
): HTMLElement | null {
  const all = places(group);
  if (all.length === 0 || result.methods.length === 0) return null;
  // What holds for nearly every row tells no subsets apart.
  const everywhere = group === 'doctor' ? all.filter((q) => result.quantities[q]!.pool >= EVERYWHERE) : [];
  const shown = all.filter((q) => !everywhere.includes(q));
  const columns = shown.map((q) => ({
    label: result.quantities[q]!.name.slice(result.quantities[q]!.name.indexOf('/') + 1).replaceAll('_', ' '),
    title: result.quantities[q]!.title,
  }));
  const lines: MatrixLine[] = [
    {
      head: 'pool',
      isBaseline: true,
      cells: shown.map((q) => {
        const { pool } = result.quantities[q]!;
        return { text: group === 'signal' ? text(pool, q) : counted(pool, result.eligible) };
      }),
    },
    ...result.random.map((random) => ({
      head: random.id,
      isBaseline: true,
      cells: shown.map((q): MatrixCell => {
        const { mean, lo, hi } = random.quantities[q]!;
        return {
          text: group === 'signal' ? text(mean, q) : counted(mean, random.kept),
          title: `${random.seeds} seeds; 95 % of them from ${text(lo, q)} to ${text(hi, q)}`,
        };
      }),
    })),
    ...result.methods.map((method) => ({
      head: h('a', { href: addressOf(method.id) }, method.id),
      cells: shown.map((q): MatrixCell => {
        const { value, lo, hi, outside, z } = method.quantities[q]!;
        const kept =
          group === 'signal'
            ? ''
            : ` ${count(value * method.kept)} of ${count(result.quantities[q]!.pool * result.eligible)} such rows.`;
        return {
          text: group === 'signal' ? text(value, q) : counted(value, method.kept),
          tint: tint(value, z, q),
          isMarked: outside,
          title: `${method.id}, ${result.quantities[q]!.title}: ${text(value, q)}.${kept} 95 % of random subsets: ${text(lo, q)} to ${text(hi, q)} (z ${number(z, 1)})`,
        };
      }),
    })),
  ];
  return section(
    id,
    title,
    intro,
    shown.length === 0 ? null : matrix(title, '', columns, lines),
    everywhere.length === 0 ? null : everywhereNote(everywhere),
    group === 'signal' || shown.length === 0
      ? null
      : h(
          'dl',
          { class: 'codes small' },
          columns.map(({ label, title: words }) => h('div', null, h('dt', null, label), h('dd', null, words))),
        ),
  );
}

function everywhereNote(found: readonly number[]): HTMLElement {
  const list = found.map((q) => {
    const { name, title, pool } = result.quantities[q]!;
    return `${name.slice(name.indexOf('/') + 1)} (${title}, ${percent(pool, 0)})`;
  });
  return h('p', { class: 'quiet small after' }, `In most rows of the pool, whichever are chosen: ${list.join('; ')}.`);
}

/** `18 · 6.1 %` */
function counted(share: number, of: number): string {
  const rows = share * of;
  return `${number(rows, Math.abs(rows - Math.round(rows)) < 1e-6 ? 0 : 1)} · ${percent(share)}`;
}

/** Three digits that count, whatever the size. */
function plain(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  return size >= 1000 ? count(value) : number(value, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}
