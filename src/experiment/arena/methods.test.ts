import { describe, expect, it } from 'vitest';
import { selectors } from '../../select/methods/find.ts';
import { commandFor } from '../../signals/engine/column-providers.ts';

import type { Run } from '../../store/runs.ts';
import { methodOf, needsOf } from './contestant.ts';
import { type CostAssumptions, columnPasses, costOf } from './cost.ts';
import { commandOf } from './describe.ts';
import { parseMethods } from './methods.ts';

describe('the list of methods', () => {
  it('takes all, each in its forms, and random never', () => {
    const ids = parseMethods('all').map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(['visnec', 'self-sup:keep=near', 'self-sup:keep=far', 'less']));
    expect(ids).not.toContain('random');
    expect(new Set(parseMethods('all').map(({ stages }) => stages[0].selector)).size).toBe(selectors.length - 1);
  });

  it('takes methods by name with options, as the command line names them', () => {
    const [visnec, near, less] = parseMethods(
      'visnec:variant=official:text-only=exclude,self-sup:keep=near,less:gradients=a+b:weights=1+2',
    );
    expect(visnec).toMatchObject({
      id: 'visnec:variant=official:textOnly=exclude',
      stages: [{ options: { variant: 'official', textOnly: 'exclude', k: 20 } }],
    });
    expect(near!.stages[0].options.keep).toBe('near');
    expect(less!.stages[0].options).toMatchObject({ gradients: ['a', 'b'], weights: [1, 2] });
    expect(parseMethods('self-sup').map(({ id }) => id)).toEqual(['self-sup:keep=near', 'self-sup:keep=far']);
  });

  it('gives ids that name the same methods again', () => {
    const all = parseMethods('all');
    const again = parseMethods(all.map(({ id }) => id).join(','));
    expect(again).toEqual(all);
  });

  it('takes the same method with the same options once, and options of the project where none are given', () => {
    expect(
      parseMethods('visnec,all,visnec:k=20').filter((contestant) => methodOf(contestant) === 'visnec'),
    ).toHaveLength(1);
    expect(parseMethods('top', { textOnly: 'exclude' })[0]!.stages[0].options.textOnly).toBe('exclude');
    expect(parseMethods('top:text-only=score', { textOnly: 'exclude' })[0]!.stages[0].options.textOnly).toBe('score');
  });

  it('takes several methods in a row, with rules around them', () => {
    const [composed, ...others] = parseMethods(
      'semdedup:eps=0.1:pass=60% then visnec:k=5:quota=web=20%+lab=10:never-keep=a+b',
    );
    expect(others).toEqual([]);
    expect(composed).toMatchObject({
      id: 'semdedup:eps=0.1:pass=60% then visnec:k=5:quota=web=20%+lab=10:neverKeep=a+b',
      stages: [
        { given: { eps: '0.1' }, options: { eps: 0.1 }, pass: '60%' },
        { given: { k: '5' }, options: { k: 5 } },
      ],
      rules: { quota: ['web=20%', 'lab=10'], neverKeep: ['a', 'b'] },
    });
    expect(parseMethods(composed!.id)).toEqual([composed]);
    expect(needsOf(composed!)).toEqual(['hidden', 'necessity', 'instruction']);
    expect(parseMethods('semdedup then self-sup').map(({ id }) => id)).toEqual([
      'semdedup then self-sup:keep=near',
      'semdedup then self-sup:keep=far',
    ]);
    expect(parseMethods('random,random then visnec,random:quota=web=5').map(methodOf)).toEqual([
      'random then visnec',
      'random',
    ]);
  });

  it('reads columns behind the scores of methods', () => {
    const [contestant] = parseMethods('weighted:weights=method:visnec=1+selection:mine=2+aum=-1');
    expect(contestant!.stages[0].options.weights).toEqual({ 'method:visnec': 1, 'selection:mine': 2, aum: -1 });
    expect(needsOf(contestant!)).toEqual(['necessity', 'instruction', 'aum']);
  });

  it.each([
    ['semdedup then', 'METHODS_INVALID'],
    ['then visnec', 'METHODS_INVALID'],
    ['semdedup then then visnec', 'METHODS_INVALID'],
    ['semdedup then visnec:pass=60%', 'METHODS_INVALID'],
    ['semdedup:quota=a=5 then visnec', 'METHODS_INVALID'],
    ['semdedup:pass=101% then visnec', 'BUDGET_INVALID'],
    ['semdedup:pass=60%:budget=5 then visnec', 'USAGE'],
    ['semdedup then nonsense', 'METHOD_UNKNOWN'],
    ['weighted:weights=method:nonsense=1', 'METHOD_UNKNOWN'],
    ['nonsense', 'METHOD_UNKNOWN'],
    ['visnec:nonsense=1', 'OPTION_INVALID'],
    ['visnec:k=none', 'OPTION_INVALID'],
    ['visnec:k', 'METHODS_INVALID'],
    ['visnec,,top', 'METHODS_INVALID'],
    ['', 'METHODS_INVALID'],
  ])('refuses %j', (list, code) => {
    expect(() => parseMethods(list).map(needsOf)).toThrowError(expect.objectContaining({ code, exitCode: 2 }));
  });
});

describe('what a method says of itself', () => {
  it('has a command that chooses the same', () => {
    const [contestant] = parseMethods('semdedup:eps=0.1:pass=60% then top:column=aum:order=asc:max=web site=20%');
    const asked = { budget: '2M tokens', seed: 7, cost: { trainParams: '2B' } };
    expect(commandOf(contestant!, asked)).toBe(
      "winnow select semdedup --pass 60% --eps 0.1 then top --budget '2M tokens' --column aum --order asc --max 'web site=20%' --train-params 2B --seed 7",
    );
    const [aimed] = parseMethods('less:gradients=a+b');
    expect(commandOf(aimed!, { budget: '15%', seed: 1, cost: {}, reference: 'target', blind: 'drop' })).toBe(
      'winnow select less --budget 15% --gradients a,b --reference target --blind drop --seed 1',
    );
  });

  it.each(selectors.map((selector) => [selector.name, selector] as const))(
    '%s has a formula, and what official breaks',
    (_, selector) => {
      expect(selector.formula.length).toBeGreaterThan(20);
      const hasOfficial = selector.options.safeParse({
        variant: 'official',
        ...selector.comparisonVariants?.[0],
      }).success;
      expect(selector.deviations === undefined).toBe(!hasOfficial);
    },
  );
});

describe('what columns cost', () => {
  const assumed: CostAssumptions = {
    params: { target: 7, proxy: 2, vision: 0.3, text: 0.022 },
    imageTokens: 576,
    imageRule: 576,
    textTokens: 124,
    images: 1,
    rows: 665_298,
    peak: 989e12,
    utilisation: 1,
  };

  const cost = (columns: string[], rows = assumed.rows) =>
    costOf(
      columns.map((column) => ({ column, rows })),
      assumed,
    );

  it('is that of the rows that are missing', () => {
    const [whole, half] = [cost(['nll_mm']), cost(['nll_mm'], assumed.rows / 2)];
    expect(half).toEqual({ ...whole, gpuHours: whole.gpuHours / 2 });
    const shared = costOf(
      [
        { column: 'nll_mm', rows: 10 },
        { column: 'hidden', rows: assumed.rows },
      ],
      assumed,
    );
    expect(shared.gpuHours).toBe(whole.gpuHours);
  });

  it('is known of every column that a method reads by default', () => {
    const columns = parseMethods('all').flatMap(needsOf);
    expect(columns.filter((column) => columnPasses(column) === undefined)).toEqual([]);
  });

  it('of VisNec on LLaVA-665K is the arithmetic limit that is known: 3.6 hours of an H100', () => {
    const visnec = cost(['necessity', 'nll_mm']);
    expect(visnec).toMatchObject({ forward: 2, backward: 0, unknown: [] });
    expect(visnec.gpuHours).toBeGreaterThan(3.5);
    expect(visnec.gpuHours).toBeLessThan(3.8);
  });

  it('counts a shared pass once, a backward pass twice, and says what is unknown', () => {
    expect(cost(['hidden', 'rds', 'nll_mm']).forward).toBe(1);
    const gradients = cost(['gradient_1', 'gradient_2']);
    expect(gradients.forward).toBeCloseTo(2.2);
    expect(gradients.backward).toBeCloseTo(2.2);
    expect(gradients.gpuHours).toBeCloseTo(2.2 * 3 * cost(['nll_mm']).gpuHours);
    expect(cost(['own_column'])).toMatchObject({ gpuHours: 0, unknown: ['own_column'] });
  });

  it('comes with the command that measures the column, where there is one', () => {
    expect(commandFor('necessity')).toBe('winnow score loss');
    expect(commandFor('nll_mm')).toBe('winnow score loss');
    expect(commandFor('response')).toBe('winnow score text-embedding --text response');
    expect(commandFor('image_sharpness')).toBe('winnow score image-stats');
    expect(commandFor('nll_direct')).toBe('winnow score loss --direct');
    expect(commandFor('gradient_3')).toBe('winnow train --recipe proxy && winnow score gradients --checkpoints proxy');
    expect(commandFor('aum')).toBe('winnow train --recipe proxy && winnow score error-norm --model proxy');
    expect(commandFor('own_column')).toBeUndefined();
  });

  it('comes with a run of its own where the proxy has too few checkpoints', () => {
    const run = (name: string, count: number, finished = true): Run => ({
      head: { name } as Run['head'],
      folder: '',
      checkpoints: Array.from({ length: count }, () => ({}) as Run['checkpoints'][number]),
      finished,
    });
    expect(commandFor('gradient_3', [run('proxy', 3)])).toBe('winnow score gradients --checkpoints proxy');
    expect(commandFor('aum', [run('proxy', 3)])).toBe('winnow score error-norm --model proxy');
    const own = 'winnow train --recipe proxy --name proxy-4 --checkpoints 4 && ';
    expect(commandFor('gradient_4', [run('proxy', 3)])).toBe(`${own}winnow score gradients --checkpoints proxy-4`);
    const both = [run('proxy', 3), run('proxy-4', 4)];
    expect(commandFor('gradient_4', both)).toBe('winnow score gradients --checkpoints proxy-4');
  });
});
