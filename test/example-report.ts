// A made-up report with the shape and the proportions of a real one.
import type { GallerySample, Interval, ReportInput } from '../src/report/data.ts';
import { project2d } from '../src/report/sections/map/project2d.ts';
import { COLOURS, FAULTS, generator, HEX, SHAPES, TOPICS, thumbnail } from './example-samples.ts';

/** Options of {@link exampleReport}. */
export interface ExampleOptions {
  samples?: number;
  thumbnails?: number;
  /** Put into the first questions, to test escaping. */
  hostile?: string;
}

/** A complete report on generated samples; needs `sharp` for the thumbnails. */
export async function exampleReport(options: ExampleOptions = {}): Promise<ReportInput> {
  const n = options.samples ?? 2000;
  const random = generator(7);
  const gauss = (): number => random() + random() + random() + random() - 2;
  const rows = Array.from({ length: n }, (_, i) => {
    const topic = random() < 0.06 ? 11 : Math.floor(random() ** 1.3 * 11);
    const fault = topic === 11 ? 4 : random() < 0.26 ? Math.floor(random() * 4) : -1;
    const colour = COLOURS[Math.floor(random() * 6)]!;
    const shape = SHAPES[Math.floor(random() * 3)]!;
    const k = Math.floor(random() * 5);
    const ease = 0.25 + 0.2 * Math.abs(gauss());
    const s =
      fault === 0
        ? 0.04 * gauss()
        : fault === 1
          ? -0.6 - 0.9 * Math.abs(gauss())
          : fault === 3
            ? 0.06 + 0.1 * gauss()
            : fault === 4
              ? -0.02 + 0.02 * gauss()
              : random() < 0.25
                ? 0.03 * gauss()
                : 0.9 + 0.7 * gauss();
    const multimodal = fault === 1 ? 2.2 + 0.5 * Math.abs(gauss()) : ease;
    const t = TOPICS[topic]!;
    const question =
      i < 3 && options.hostile !== undefined
        ? options.hostile
        : fault === 0
          ? `The ${shape} is ${colour}. ${t.ask(colour, shape)}`
          : t.ask(colour, shape);
    return {
      topic,
      fault,
      colour,
      shape,
      k,
      question,
      answer: t.answer(colour, shape, k),
      multimodal,
      blind: Math.max(0.01, multimodal + s),
      source: topic === 10 ? 'nlvr' : topic === 11 ? 'pages' : k > 3 ? 'shapes-b' : 'shapes-a',
    };
  });
  const id = rows.map((_, i) => `${i % 7 === 0 ? 'b' : 'shape'}-${String(i).padStart(5, '0')}`);
  const necessity = Float32Array.from(rows, (r) => r.blind - r.multimodal);
  const width = 24;
  const centres = TOPICS.map(() => Array.from({ length: width }, () => gauss()));
  const embedding = Float32Array.from(
    { length: n * width },
    (_, e) => centres[rows[Math.floor(e / width)]!.topic]![e % width]! + 0.28 * gauss(),
  );
  const cluster = rows.map((r) => r.topic);
  const map = project2d(embedding, n, width, { clusters: cluster, spread: 1 });
  const budget = Math.floor(0.15 * n);
  const members = TOPICS.map((_, c) =>
    rows.flatMap((r, i) => (r.topic === c ? [i] : [])).sort((a, b) => necessity[b]! - necessity[a]! || a - b),
  );
  const quota = members.map((m) => Math.round((m.length / n) * budget));
  const positive = (c: number): number[] => members[c]!.filter((i) => necessity[i]! > 0);
  const paper = members.flatMap((_, c) => positive(c).slice(0, quota[c]));
  const official = members.flatMap((m, c) => m.slice(0, Math.max(1, quota[c]!)));
  const top = rows
    .map((_, i) => i)
    .sort((a, b) => necessity[b]! - necessity[a]! || a - b)
    .slice(0, budget);
  const draws = Array.from({ length: 20 }, () => {
    const order = rows.map((_, i) => ({ i, key: random() })).sort((a, b) => a.key - b.key);
    return order.slice(0, budget).map((o) => o.i);
  });
  const interval = (of: (rows: readonly number[]) => number): Interval => {
    const values = draws.map(of);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const sd = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / (values.length - 1));
    return { mean, lo: mean - 1.96 * sd, hi: mean + 1.96 * sd };
  };
  const share = (of: (i: number) => boolean) => (r: readonly number[]) => r.filter(of).length / r.length;
  const per = (labels: readonly string[], scale: boolean): Record<string, Interval> =>
    Object.fromEntries(
      [...new Set(labels)].map((l) => [
        l,
        interval((r) => (scale ? share((i) => labels[i] === l)(r) : r.filter((i) => labels[i] === l).length)),
      ]),
    );
  const faultOf = rows.map((r) => (r.fault < 0 ? null : FAULTS[r.fault]!.key));
  const keptSet = new Set(paper);
  const rank = new Map(members.flatMap((m) => m.map((i, r) => [i, r + 1] as const)));
  const bySeverity = rows.map((_, i) => i).sort((a, b) => necessity[b]! - necessity[a]! || a - b);
  const each = Math.min(15, Math.floor((options.thumbnails ?? 60) / 4));
  const groups = [
    {
      title: 'Most critical',
      about: 'Without the image, the model has no idea.',
      class: 'critical' as const,
      rows: bySeverity.slice(0, each),
    },
    {
      title: 'Most redundant',
      about: 'Closest to no difference at all.',
      class: 'redundant' as const,
      rows: [...bySeverity].sort((a, b) => Math.abs(necessity[a]!) - Math.abs(necessity[b]!)).slice(0, each),
    },
    {
      title: 'Most misaligned',
      about: 'With the image, the given answer becomes less likely.',
      class: 'misaligned' as const,
      rows: bySeverity.slice(-each).reverse(),
    },
    {
      title: 'Near the threshold',
      about: 'A little more or less, and they would change class.',
      rows: [...bySeverity]
        .sort((a, b) => Math.abs(necessity[a]! - 0.05) - Math.abs(necessity[b]! - 0.05))
        .slice(0, each),
    },
  ];
  const gallery: GallerySample[] = [];
  const pictures: NonNullable<ReportInput['pictures']> = { list: [], of: {} };
  for (const row of new Set(groups.flatMap((g) => g.rows))) {
    const r = rows[row]!;
    const text = [...r.answer.split(' ').map((w, j) => (j === 0 ? w : ` ${w}`)), '</s>'];
    const jitter = text.map(() => 0.4 + 1.2 * random());
    pictures.of[row] = [pictures.list.push({ embedded: await thumbnail(HEX[r.colour], r.shape, r.k, random) }) - 1];
    gallery.push({
      row,
      question: r.question,
      answer: r.answer,
      tokens: {
        text,
        multimodal: jitter.map((j, t) => (t === text.length - 1 ? 0.01 : j * r.multimodal)),
        blind: jitter.map((j, t) => (t === text.length - 1 ? 0.02 : j * r.blind)),
      },
      neighbours: paper
        .filter((i) => rows[i]!.topic === r.topic && i !== row)
        .slice(0, 3)
        .map((i, j) => ({ id: id[i]!, similarity: 0.99 - 0.02 * j })),
    });
  }
  return {
    title: 'Shapes and statements',
    subtitle: 'Generated scenes with planted faults, and an excerpt of NLVR',
    fit: {
      verdict: 'fits',
      model: 'micro-vlm',
      dataset: 'shapes',
      n,
      loss: 0.41,
      uniform: 6.91,
      unigram: 2.32,
      necessity: { mean: 1.2, lo: 1.1, hi: 1.3, rows: n, helped: n, hurt: 0 },
      tunedOn: 0,
      heldApart: false,
      reason: 'Its mean loss with the image is 0.41 nats/token, the frequencies of the tokens alone give 2.32.',
      wayOut: null,
    },
    samples: {
      id,
      question: rows.map((r) => r.question),
      answer: rows.map((r) => r.answer),
      source: rows.map((r) => r.source),
      category: rows.map((r) => TOPICS[r.topic]!.terms[0]!),
      fault: faultOf,
      multimodal: rows.map((r) => r.multimodal),
      blind: rows.map((r) => r.blind),
      necessity,
      cluster,
      x: map.x,
      y: map.y,
    },
    clusters: TOPICS.map((t, c) => ({ cluster: c, terms: t.terms })),
    mapNote:
      'The two main directions of the instruction embeddings, clusters moved apart a little so that they can be told.',
    selections: [
      {
        name: 'visnec-15%-s42',
        title: 'VisNec',
        method: 'visnec',
        options: { variant: 'paper', clusters: 12, base: 'cluster' },
        seed: 42,
        budget: '15%',
        requested: budget,
        kept: paper,
        shortfall:
          paper.length < budget
            ? {
                missing: budget - paper.length,
                because: 'cluster 11 has too few samples that need their image',
              }
            : undefined,
        perCluster: members.map((m, c) => ({
          cluster: c,
          size: m.length,
          candidates: positive(c).length,
          quota: quota[c]!,
          kept: m.filter((i) => keptSet.has(i)).length,
        })),
        reasons: {
          code: rows.map((_, i) => (keptSet.has(i) ? 'kept-top' : necessity[i]! > 0 ? 'below-quota' : 'not-positive')),
          rank: rows.map((_, i) => rank.get(i) ?? null),
        },
      },
      {
        name: 'visnec-official-15%-s42',
        title: 'VisNec (official)',
        method: 'visnec',
        options: { variant: 'official', clusters: 12 },
        seed: 42,
        budget: '15%',
        requested: budget,
        kept: official,
      },
      {
        name: 'top-15%-s42',
        title: 'Top by necessity',
        method: 'top',
        options: { by: 'necessity' },
        seed: 42,
        budget: '15%',
        requested: budget,
        kept: top,
      },
      {
        name: 'random-15%-s42',
        title: 'One random draw',
        method: 'random',
        options: { stratify: 'none' },
        seed: 42,
        budget: '15%',
        requested: budget,
        kept: draws[0]!,
      },
    ],
    random: ['uniform', 'stratified by source'].map((name) => ({
      name,
      draws: 20,
      size: budget,
      meanNecessity: interval((r) => r.reduce((a, i) => a + necessity[i]!, 0) / r.length),
      shares: {
        critical: interval(share((i) => necessity[i]! > 0.05)),
        redundant: interval(share((i) => Math.abs(necessity[i]!) <= 0.05)),
        misaligned: interval(share((i) => necessity[i]! < -0.05)),
      },
      source: per(
        rows.map((r) => r.source),
        true,
      ),
      category: per(
        rows.map((r) => TOPICS[r.topic]!.terms[0]!),
        true,
      ),
      fault: per(
        faultOf.map((f) => f ?? ''),
        false,
      ),
    })),
    faults: FAULTS,
    auc: [
      {
        title: 'Visual rows apart from text-answerable ones, by necessity',
        value: 0.987,
        positives: 820,
        negatives: 130,
      },
      {
        title: 'Visual rows apart from misaligned ones, by the sign of necessity',
        value: 0.994,
        positives: 820,
        negatives: 128,
      },
    ],
    pictures,
    gallery: { groups, samples: gallery },
    quarantined: [
      { id: 'shape-broken-1', code: 'IMAGE_TRUNCATED', reason: 'images/0917.png ends after 312 of 1,204 bytes' },
      { id: 'rows.json#611', code: 'ROW_CORRUPT', reason: 'expected an array of messages, got the number 7' },
    ],
    run: {
      steps: [
        { name: 'Import', seconds: 0.8, samples: n },
        { name: 'Losses with and without the image', seconds: 41.3, samples: n },
        { name: 'Instruction embeddings', seconds: 2.4, samples: n },
        { name: 'CLIP score', seconds: 9.7, samples: n },
        { name: 'Clusters and selection', seconds: 0.9, samples: n },
        { name: 'Random subsets', seconds: 0.2 },
      ],
      models: [
        {
          role: 'Losses',
          name: 'micro-vlm',
          revision: 'c1d5a1f09b3e7742',
          note: 'LLaVA architecture, 1.6 M parameters, 64 x 64 images',
        },
        {
          role: 'Instruction embeddings',
          name: 'lexical TF-IDF',
          revision: 'v1',
          note: 'hashed words, no language model',
        },
      ],
      machine: { cpu: 'Example CPU at 2.4 GHz', cores: '2', memory: '8 GB', system: 'Linux x64' },
      versions: { winnow: '0.1.0', node: '20.19.0', onnxruntime: '1.30.0' },
      peakMemoryMb: 612,
      commands: [
        { title: 'The whole job', command: 'winnow demo' },
        {
          title: 'Step by step',
          command:
            'winnow import examples/shapes --format llava\nwinnow score loss --blind masked\nwinnow select visnec --budget 15% --seed 42\nwinnow report --out report.html',
        },
      ],
      lineage: [
        { what: 'Data set', hash: 'sha256:8d0f6d2c7c1b0f5b5e3ab8c2b0d2b1bb8a2f7f3a6b3e9b0d6b4b1f8e2c9a7d55' },
        {
          what: 'Losses (loss@3, masked)',
          hash: 'sha256:1c9e0a7be2b5f6c44d0f1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b1c2d',
        },
      ],
    },
    notes: ['The micro model has seen only shapes: its losses on other pictures say little.'],
  };
}
