import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Column } from '../src/numeric/columns.ts';
import { createRandom } from '../src/numeric/philox.ts';
import { selectors } from '../src/select/methods/find.ts';
import { openProject, type Project } from '../src/store/project.ts';
import { planShards } from '../src/store/shard-plan.ts';
import { writeShard } from '../src/store/shards.ts';
import { recordSignal } from '../src/store/signals.ts';

/** Rows of the pool and of the target. */
const ROWS = 120;
const TARGET_ROWS = 12;

/** What makes a normal number one that the column could hold. */
const SHAPES: Record<string, (x: number) => number> = {
  nll_direct: (x) => 3 + Math.abs(x),
  gradient_norm: Math.abs,
  turns: (x) => 1 + Math.floor(Math.abs(x)),
  capabilities: (x) => Math.min(5, Math.floor(Math.abs(2.5 * x))),
};

/** A square of one colour, 2 x 2 pixels: a PNG that any reader takes. */
async function png(colour: string): Promise<Buffer> {
  const { default: sharp } = await import('sharp');
  return sharp({ create: { width: 2, height: 2, channels: 3, background: colour } })
    .png()
    .toBuffer();
}

function rows(count: number, name: string) {
  return Array.from({ length: count }, (_, i) => ({
    id: `${name}${i}`,
    source: ['web', 'book', 'lab'][i % 3],
    image: i % 10 === 9 ? undefined : ['red.png', 'green.png', 'blue.png'][(i >> 2) % 3],
    conversations: [
      {
        from: 'human',
        value: `${i % 10 === 9 ? '' : '<image>\n'}${i % 2 === 0 ? 'How many circles' : 'Where does it'} stand, ${i}?`,
      },
      { from: 'gpt', value: `Answer ${i} < & "quoted".` },
    ],
  }));
}

/** Numbers of the names that selectors use, as wide as their kind needs to be; texts where they are read as labels. */
function columnsOf(names: readonly string[], count: number): Record<string, Column> {
  const vectors = /^(gradient_|instruction|image$|clip_image|clip_text|hidden|rds|vision_repr|dino|capabilities)/;
  const width = (name: string): number =>
    ({ nll_trajectory: 3, attention_sv: 15, coincide: 20, gradient_norm: 1 })[name] ?? (vectors.test(name) ? 6 : 1);
  return Object.fromEntries(
    names.map((name): [string, Column] => {
      const random = createRandom(1, name);
      if (name === 'signature' || name === 'styles') {
        return [name, { kind: 'text', width: 1, data: Array.from({ length: count }, () => 'abc'[random.below(3)]!) }];
      }
      const shape = SHAPES[name] ?? ((x: number) => x);
      const data = Float32Array.from({ length: count * width(name) }, () => shape(random.normal()));
      return [name, { kind: 'f32', width: width(name), data }];
    }),
  );
}

/**
 * A project with random numbers in every column that any method reads by default, and a small second data set as the
 * target.
 */
export async function makeArenaProject(folder: string): Promise<void> {
  mkdirSync(join(folder, 'images'), { recursive: true });
  for (const colour of ['red', 'green', 'blue'])
    writeFileSync(join(folder, 'images', `${colour}.png`), await png(colour));
  await using project = await openProject(folder, { create: true });
  for (const [name, count] of [
    ['pool', ROWS],
    ['target', TARGET_ROWS],
  ] as const) {
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(rows(count, name)));
    await project.addDataset({ name, path: join(folder, `${name}.json`), images: join(folder, 'images') });
  }
  const parsed = selectors.map((selector) => ({
    selector,
    options: selector.options.parse(selector.comparisonVariants?.[0] ?? {}),
  }));
  const needs = new Set(parsed.flatMap(({ selector, options }) => selector.needs(options)));
  for (const name of ['necessity', 'nll_blind']) {
    if (needs.delete(name)) needs.add(`${name}_masked`);
  }
  await store(project, 'pool', columnsOf([...needs], ROWS));
  const aims = new Set(parsed.flatMap(({ selector, options }) => selector.referenceNeeds?.(options) ?? []));
  await store(project, 'target', columnsOf([...aims], TARGET_ROWS));
}

/** Store columns as a signal does, without a model. */
async function store(project: Project, name: string, columns: Record<string, Column>): Promise<void> {
  const dataset = await project.dataset(name);
  const plan = await planShards(project, dataset, {
    signal: 'loss',
    version: 1,
    revision: 'test',
    params: { blind: ['masked'] },
    columns: Object.entries(columns).map(([column, { kind, width }]) => ({
      name: column,
      kind,
      width,
      measures: 'test',
    })),
  });
  for (const shard of plan.shards) {
    await writeShard(project, plan, shard, { start: 0, rows: dataset.rows, columns }, []);
  }
  await recordSignal(project, plan, { model: 'test' });
}
